import { toWeirError } from '../../../shared/errors/weir-error.ts';
import type { PipelineState } from '../../../shared/connector/sink.ts';
import type { Hub } from '../../../shared/hub/hub.ts';
import { askReader, askTarget } from '../../../shared/hub/ask.ts';
import { watchStatus } from '../../../shared/hub/status-board.ts';
import type { PipelineReport } from '../../../shared/progress/pipeline-report.ts';
import type { CopyProgress, ReaderStatus, ServiceStatus } from '../../../shared/progress/status.ts';
import { minPosition } from '../../../shared/change/position.ts';
import { finalReport, type FinalReport, type RunFacts } from './final-report.ts';

/** Notes what a run does from its start to its end, for the report at the end. */
export class RunMeter {
  readonly #hub: Hub;
  readonly #pipeline: string;
  readonly #startedAtMs = Date.now();
  readonly #stop: () => void;
  #before: { read: ReaderStatus['read']; copied: Copied } | null = null;
  #copy: ReaderStatus['copy'] = {};
  #copying: { fromMs: number; toMs: number } | null = null;
  #report: PipelineReport | null = null;

  constructor(hub: Hub, pipeline: string) {
    this.#hub = hub;
    this.#pipeline = pipeline;
    this.#stop = watchStatus(hub.control, pipeline, (status) => this.onStatus(status, Date.now()));
  }

  onStatus(status: ServiceStatus, nowMs: number): void {
    if (status.service === 'stats') this.#report = status.report;
    if (status.service !== 'source-reader' || Object.keys(status.copy).length === 0) return;
    const copied = copiedOf(status.copy);
    this.#before ??= { read: status.read, copied };
    this.#copy = status.copy;
    if (copied.rows === this.#before.copied.rows && status.phase !== 'snapshotting') return;
    if (status.phase === 'snapshotting' || this.#copying === null)
      this.#copying = { fromMs: this.#copying?.fromMs ?? nowMs, toMs: nowMs };
  }

  /** Asks both ends once more while their services are there; null where the target cannot be asked. */
  async finish(outcome: FinalReport['outcome']): Promise<FinalReport | null> {
    const { control } = this.#hub;
    const state = await ifAnswered(askTarget(control, this.#pipeline, { op: 'state' }, ANSWER_MS));
    if (state === null) return null;
    const reached = minPosition(state.lanes.map(({ position }) => position));
    const body = { op: 'mark' as const, ...(reached === null ? {} : { reached }) };
    const mark = await ifAnswered(askReader(control, this.#pipeline, body, ANSWER_MS));
    const copy = atTheEnd(this.#copy, state);
    const { rows, bytes } = copiedOf(copy);
    const copiedNow = { rows: rows - (this.#before?.copied.rows ?? 0), bytes: bytes - (this.#before?.copied.bytes ?? 0) }; // prettier-ignore
    const facts: RunFacts = {
      startedAtMs: this.#startedAtMs,
      endedAtMs: Date.now(),
      copying: this.#copying && copiedNow.rows > 0 ? { ...this.#copying, ...copiedNow } : null,
      copy,
      read: mark?.read ?? null,
      readBefore: this.#before?.read ?? {},
      lagMs: this.#report?.lagMs ?? null,
      bytesBehind: mark?.bytesBehind ?? null,
    };
    return finalReport(this.#pipeline, outcome, facts, state);
  }

  stop(): void {
    this.#stop();
  }
}

const ANSWER_MS = 5_000;

async function ifAnswered<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (toWeirError(error).code !== 'UNREACHABLE') throw error;
    return null;
  }
}

/** What was heard last, brought up to what the target has now. */
function atTheEnd(heard: ReaderStatus['copy'], { plan }: PipelineState): ReaderStatus['copy'] {
  return Object.fromEntries(
    plan.namespaces.flatMap(({ relation: { namespace }, chunks, rowsDone }) => {
      const known = heard[namespace];
      if (known === undefined) return [];
      const bytesDone = chunks.length === 0 ? known.bytesTotal : known.bytesDone;
      return [[namespace, { ...known, rowsDone, bytesDone }]];
    }),
  );
}

interface Copied {
  rows: number;
  bytes: number;
}

function copiedOf(copy: Readonly<Record<string, CopyProgress>>): Copied {
  const all = Object.values(copy);
  return {
    rows: all.reduce((sum, { rowsDone }) => sum + rowsDone, 0),
    bytes: all.reduce((sum, { bytesDone }) => sum + bytesDone, 0),
  };
}
