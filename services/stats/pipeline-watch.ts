import { minPosition, type Position } from '../../shared/change/position.ts';
import { sourceOf } from '../../shared/change/namespace-part.ts';
import type { LaneProgress, PipelineProgress } from '../../shared/connector/sink.ts';
import type {
  BrokerState,
  CopyReport,
  NamespaceReport,
  PipelineReport,
} from '../../shared/progress/pipeline-report.ts';
import { addCounts, countParked, settledCounts } from '../../shared/progress/balance.ts';
import { countChanges, noChanges } from '../../shared/progress/change-kinds.ts';
import type { ReaderMark } from '../../shared/progress/reader-requests.ts';
import type { ReaderStatus, ServiceStatus, WriterStatus } from '../../shared/progress/status.ts';
import { Balance, sumOf } from './balance.ts';
import { HEARING_MS, evaluateHealth, type HealthFacts } from './evaluate-health.ts';
import { MarkerLag } from './marker-lag.ts';
import { Rate } from './rate.ts';

const RATE_WINDOW_MS = 10_000;
const COPY_WINDOW_MS = 60_000;
const FORESEEING_MS = 5_000;
const MAX_NAMESPACES = 200;

/**
 * Puts together what the services of one pipeline say and what the target holds. It keeps nothing that it could not
 * learn again: a stats service that starts anew says less for some seconds, never anything else.
 */
export class PipelineWatch {
  /** With when they were heard by this machine's clock: others may go wrong. */
  readonly #services = new Map<string, { status: ServiceStatus; heardAtMs: number }>();
  #reader: ReaderStatus | null = null;
  /** As the reader told it last: one that is paused, or begins anew, has none to tell. */
  #copy: ReaderStatus['copy'] = {};
  #progress: PipelineProgress | null = null;
  #balance = new Balance();
  #lag = new MarkerLag();
  #applied = new Rate(RATE_WINDOW_MS);
  #copied = new Rate(RATE_WINDOW_MS);
  /** Bytes, or chunks where the source does not estimate their size. */
  #copyRate = new Rate(COPY_WINDOW_MS);
  #broker: BrokerState | null = null;
  #bytesBehind: number | null = null;
  readonly #lanesMovedAtMs: number[] = [];
  readonly #beganAtMs: number;
  #movedAtMs: number;
  #changedAtMs: number;
  #counted = '';
  #state = { name: '', sinceMs: 0 };

  constructor(nowMs: number) {
    this.#beganAtMs = nowMs;
    this.#movedAtMs = nowMs;
    this.#changedAtMs = nowMs;
  }

  onStatus(status: ServiceStatus, nowMs: number): void {
    if (status.service === 'stats') return;
    this.#services.set(`${status.service}/${status.id}`, { status, heardAtMs: nowMs });
    if (status.service !== 'source-reader') return;
    this.#reader = readerOf(this.#heard(nowMs));
    const copy = Object.values(this.#reader?.copy ?? {});
    if (copy.length === 0) return;
    this.#copy = this.#reader!.copy;
    const done = copy.reduce((sum, { chunksDone }) => sum + chunksDone, 0);
    const rows = copy.reduce((sum, { rowsDone }) => sum + rowsDone, 0);
    const before = `${done} ${rows}`;
    if (before !== this.#copyDone) this.#movedAtMs = nowMs;
    this.#copyDone = before;
    this.#copied.add(rows, nowMs);
    const bytes = copy.reduce((sum, { bytesDone }) => sum + bytesDone, 0);
    const sized = copy.some(({ bytesTotal }) => bytesTotal > 0);
    this.#copyRate.add(sized ? bytes : done, nowMs);
  }
  #copyDone = '';

  /** A writer has committed up to there. */
  onPosition(lane: number, position: Position, nowMs: number): void {
    this.#lag.onPosition(lane, position, nowMs);
    this.#lanesMovedAtMs[lane] = nowMs;
    this.#movedAtMs = nowMs;
  }

  /** What the target holds; every call comes before the `onMark` of the same round. */
  onProgress(progress: PipelineProgress | null, nowMs: number): void {
    if (this.#progress !== null && beganAnew(this.#progress, progress)) {
      this.#balance = new Balance();
      this.#lag = new MarkerLag();
      this.#copy = {};
    }
    for (const lane of progress?.lanes ?? []) {
      const known = this.#progress?.lanes.find((each) => each.lane === lane.lane);
      if (known?.sequence !== lane.sequence || known.readerEpoch !== lane.readerEpoch) {
        this.#lanesMovedAtMs[lane.lane] = nowMs;
        if (known !== undefined) this.#movedAtMs = nowMs;
      }
      this.#lag.onPosition(lane.lane, lane.position, nowMs);
    }
    this.#progress = progress;
    const reached = minPosition(progress?.lanes.map(({ position }) => position) ?? []);
    if (progress === null || reached === null) return;
    this.#balance.onSettled(settledCounts(progress), reached);
    this.#applied.add(countChanges(sumOf(progress.applied)), nowMs);
    this.#noteCounts(nowMs);
  }

  /** `askedAtMs`: before it was asked for. */
  onMark(
    { head, read, readerEpoch, bytesBehind }: ReaderMark,
    askedAtMs: number,
    nowMs: number,
  ): void {
    // A reader that was replaced does not know so yet.
    if (this.#progress !== null && readerEpoch !== this.#progress.readerEpoch) return;
    this.#bytesBehind = head === null ? null : bytesBehind;
    this.#balance.onMark(read, head);
    if (head !== null) this.#lag.onMarker(head, askedAtMs, nowMs);
    this.#noteCounts(nowMs);
  }

  onBroker(broker: BrokerState): void {
    this.#broker = broker;
  }

  /** Whether anything is going on that is worth frequent looks. */
  isQuiet(nowMs: number): boolean {
    const { state } = this.report(nowMs);
    return ['idle', 'paused', 'stopped', 'finished', 'failed', 'down'].includes(state);
  }

  report(nowMs: number): PipelineReport {
    const verdict = evaluateHealth(this.#facts(nowMs));
    if (this.#state.name !== verdict.state) this.#state = { name: verdict.state, sinceMs: nowMs };
    const { read, settled, inFlight, difference } = this.#balance;
    const namespaces = this.#namespaces();
    return {
      ...verdict,
      stateMs: nowMs - this.#state.sinceMs,
      read: read === null ? null : sumOf(read),
      applied: settled === null ? null : sumOf(this.#progress?.applied ?? {}),
      filtered: settled === null ? null : sumOf(this.#progress?.filtered ?? {}),
      unmet: this.#unmet(),
      parked: countChanges(sumOf(this.#progress?.parked ?? {})),
      discarded: countChanges(sumOf(this.#progress?.discarded ?? {})),
      parkedEntries: countParked(this.#progress),
      inFlight,
      difference,
      lagMs: this.#lagMs(nowMs),
      bytesBehind: this.#isFollowing(nowMs) ? this.#bytesBehind : null,
      lanes: Array.from({ length: this.#lag.lanes }, (_, lane) => ({
        lane,
        lagMs: this.#isFollowing(nowMs) ? this.#lag.lagMs(lane, nowMs) : null,
        owner: this.#ownerOf(lane, nowMs),
      })),
      appliedPerSecond: this.#isAtRest() ? 0 : this.#applied.perSecond(),
      copiedRowsPerSecond: this.#isCopying() === false ? 0 : this.#copied.perSecond(),
      copy: this.#copyReport(),
      broker: this.#broker,
      namespaces: namespaces.slice(0, MAX_NAMESPACES),
      namespacesLeftOut: Math.max(0, namespaces.length - MAX_NAMESPACES),
    };
  }

  #facts(nowMs: number): HealthFacts {
    const heard = this.#heard(nowMs);
    const reader = readerOf(heard);
    const copy = this.#copyReport();
    const lanes = Array.from({ length: this.#lag.lanes }, (_, lane) => lane);
    const slowest = lanes.reduce<number | null>(
      (most, lane) =>
        most === null || this.#lag.awaitedMs(lane, nowMs) > this.#lag.awaitedMs(most, nowMs)
          ? lane
          : most,
      null,
    );
    return {
      watchedMs: nowMs - this.#beganAtMs,
      phase: reader?.phase ?? null,
      writers: heard.filter((s) => s.service === 'target-writer').length,
      problem: heard.find(({ problem }) => problem !== null)?.problem ?? null,
      difference: this.#balance.difference,
      copy: copy && { ...copy, namespacesLeft: copy.namespacesTotal - copy.namespacesReady },
      inFlight: this.#balance.inFlight,
      lagMs: this.#lagMs(nowMs),
      slowest:
        slowest === null
          ? null
          : {
              lane: slowest,
              owner: this.#ownerOf(slowest, nowMs),
              owesMs: this.#lag.awaitedMs(slowest, nowMs),
              stoodMs: nowMs - (this.#lanesMovedAtMs[slowest] ?? this.#movedAtMs),
            },
      stoodMs: nowMs - this.#movedAtMs,
      quietMs: nowMs - this.#changedAtMs,
    };
  }

  /** Nothing is read and the lanes are empty: a mean of the last seconds would tell of what is over. */
  #isAtRest(): boolean {
    const phase = this.#reader?.phase;
    return phase === 'paused' || phase === 'stopped' || phase === 'finished';
  }

  /** Null while no reader has said so. */
  #isCopying(): boolean | null {
    return this.#reader && this.#reader.phase === 'snapshotting';
  }

  /** While a copy or a pause keeps the lanes waiting, or nobody reads, there is no lag to speak of. */
  #isFollowing(nowMs: number): boolean {
    const phase = readerOf(this.#heard(nowMs))?.phase;
    return phase === 'streaming' || phase === 'starting';
  }

  #lagMs(nowMs: number): number | null {
    return this.#isFollowing(nowMs) ? this.#lag.overallMs(nowMs) : null;
  }

  #heard(nowMs: number): ServiceStatus[] {
    for (const [key, { heardAtMs }] of this.#services)
      if (nowMs - heardAtMs > HEARING_MS) this.#services.delete(key);
    return [...this.#services.values()].map(({ status }) => status);
  }

  #ownerOf(lane: number, nowMs: number): string | null {
    const owner = this.#heard(nowMs).find(
      (s): s is WriterStatus => s.service === 'target-writer' && s.lanes.includes(lane),
    );
    return owner?.id ?? null;
  }

  #noteCounts(nowMs: number): void {
    const { read, settled } = this.#balance;
    const counted = `${countChanges(sumOf(read ?? {}))} ${countChanges(sumOf(settled ?? {}))}`;
    if (counted !== this.#counted) this.#changedAtMs = nowMs;
    this.#counted = counted;
  }

  #copyReport(): CopyReport | null {
    const all = Object.values(this.#copy);
    if (all.length === 0) return null;
    const sum = (of: (each: (typeof all)[number]) => number): number =>
      all.reduce((total, each) => total + of(each), 0);
    const chunksTotal = sum((each) => each.chunksTotal);
    const chunksDone = sum((each) => each.chunksDone);
    const bytesTotal = sum((each) => each.bytesTotal);
    const bytesDone = sum((each) => each.bytesDone);
    // The first chunks come late and all at once: what they say of the rest is worth nothing.
    const rate = this.#copyRate.spanMs < FORESEEING_MS ? null : this.#copyRate.perSecond();
    const left = bytesTotal > 0 ? bytesTotal - bytesDone : chunksTotal - chunksDone;
    return {
      chunksTotal,
      chunksDone,
      rowsDone: sum((each) => each.rowsDone),
      bytesTotal,
      bytesDone,
      namespacesReady: sum((each) => Number(each.ready)),
      namespacesTotal: all.length,
      leftMs: left === 0 || chunksDone === chunksTotal || !rate ? null : (left * 1_000) / rate,
    };
  }

  /** Of one source namespace, or of all: null where none is counted and more may be than are. */
  #unmet(namespace?: string): number | null {
    const { unmet, unmetUnknown = [] } = this.#progress ?? {};
    const isWanted = (each: string): boolean =>
      namespace === undefined || sourceOf(each) === namespace;
    const entries = Object.entries(unmet ?? {}).filter(([each]) => isWanted(each));
    const known = entries.reduce((sum, [, counts]) => sum + countChanges(counts), 0);
    return known === 0 && (unmet === undefined || unmetUnknown.some(isWanted)) ? null : known;
  }

  #namespaces(): NamespaceReport[] {
    const { read, settled } = this.#balance;
    const copy = this.#copy;
    const names = [...new Set([...Object.keys(copy), ...Object.keys(read ?? {})])].sort();
    // Of the parts of a namespace, too.
    const [applied, filtered, parked] = (['applied', 'filtered', 'parked'] as const).map((what) =>
      addCounts([this.#progress?.[what] ?? {}]),
    );
    const reports = names.map((namespace) => ({
      namespace,
      read: read?.[namespace] ?? noChanges(),
      applied: applied?.[namespace] ?? noChanges(),
      settled: settled?.[namespace] ?? noChanges(),
      filtered: countChanges(filtered?.[namespace] ?? noChanges()),
      parked: countChanges(parked?.[namespace] ?? noChanges()),
      unmet: this.#unmet(namespace),
      rowsDone: copy[namespace]?.rowsDone ?? null,
      chunksTotal: copy[namespace]?.chunksTotal ?? 0,
      chunksDone: copy[namespace]?.chunksDone ?? 0,
      bytesTotal: copy[namespace]?.bytesTotal ?? 0,
      bytesDone: copy[namespace]?.bytesDone ?? 0,
    }));
    const isRestless = (each: NamespaceReport): boolean =>
      (each.unmet ?? 0) > 0 ||
      countChanges(each.read) !== countChanges(each.settled) ||
      each.chunksDone < each.chunksTotal;
    return reports.sort((a, b) => Number(isRestless(b)) - Number(isRestless(a)));
  }
}

/** Of several readers one works; the others stand by. */
function readerOf(services: readonly ServiceStatus[]): ReaderStatus | null {
  const readers = services.filter((s): s is ReaderStatus => s.service === 'source-reader');
  return readers.find((s) => s.readerEpoch > 0) ?? readers[0] ?? null;
}

/** Progress never goes back, unless the pipeline was reset and made again. */
function beganAnew(before: PipelineProgress, now: PipelineProgress | null): boolean {
  if (now === null || now.readerEpoch < before.readerEpoch) return true;
  const isEarlier = (a: LaneProgress, b: LaneProgress): boolean =>
    a.readerEpoch < b.readerEpoch || (a.readerEpoch === b.readerEpoch && a.sequence < b.sequence);
  return now.lanes.some((lane) =>
    before.lanes.some((known) => known.lane === lane.lane && isEarlier(lane, known)),
  );
}
