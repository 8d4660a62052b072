import type { Logger } from 'pino';
import { minPosition } from '../../shared/change/position.ts';
import { toWeirError } from '../../shared/errors/weir-error.ts';
import { readBrokerState } from '../../shared/hub/broker-state.ts';
import { createWorkerId, shortWorkerId } from '../../shared/hub/worker-id.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { askReader, askTarget } from '../../shared/hub/ask.ts';
import { watchNotices } from '../../shared/hub/notices.ts';
import { publishStatus, watchStatus } from '../../shared/hub/status-board.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import type { Monitoring } from '../../shared/metrics/monitoring.ts';
import type { PipelineStateName } from '../../shared/progress/pipeline-report.ts';
import { measurePipeline } from './metrics.ts';
import { PipelineWatch } from './pipeline-watch.ts';
import { calm, levelOf } from '../../shared/progress/state-level.ts';

/** Between two looks at the target and the source: while there is something to see, and otherwise. */
const ROUND_MS = 1_000;
const QUIET_ROUND_MS = 5_000;
const BROKER_MS = 5_000;

export interface StatsOptions {
  pipeline: string;
  hub: Hub;
  log: Logger;
  monitoring: Monitoring;
  signal: AbortSignal;
}

/**
 * The service that says how a pipeline is doing. It asks and compares, decides nothing and keeps nothing, so it may
 * come and go, and several of them say the same.
 */
export async function runStats(options: StatsOptions): Promise<void> {
  const { pipeline, hub, log, monitoring, signal } = options;
  const id = shortWorkerId(createWorkerId());
  const watch = new PipelineWatch(Date.now());
  let state: PipelineStateName | null = null;
  const stops = [
    watchStatus(hub.control, pipeline, (status) => watch.onStatus(status, Date.now())),
    watchNotices(hub.control, pipeline, (notice) => {
      if (notice.kind !== 'progress') return;
      for (const { lane, position, agoMs } of notice.lanes)
        watch.onPosition(lane, position, Date.now() - agoMs);
    }),
    publishStatus(hub.control, () => ({
      service: 'stats',
      pipeline,
      id,
      pid: process.pid,
      atMs: Date.now(),
      problem: null,
      phase: 'running',
      report: watch.report(Date.now()),
    })),
  ];
  measurePipeline(monitoring, () => watch.report(Date.now()));
  try {
    await Promise.all([
      every(signal, async () => {
        await look(options, watch);
        if (signal.aborted) return 0;
        const report = watch.report(Date.now());
        if (calm(report.state) !== calm(state))
          log[levelOf(report.state)](
            { state: report.state, reason: report.reason },
            'state of the pipeline',
          );
        state = report.state;
        return watch.isQuiet(Date.now()) ? QUIET_ROUND_MS : ROUND_MS;
      }),
      every(signal, async () => {
        watch.onBroker(await readBrokerState(hub.control, pipeline));
        return BROKER_MS;
      }),
    ]);
  } finally {
    for (const stop of stops) stop();
  }

  /** Whoever does not answer is shown by what then stands still. */
  async function every(until: AbortSignal, round: () => Promise<number>): Promise<void> {
    while (!until.aborted) {
      let restMs = ROUND_MS;
      try {
        restMs = await round();
      } catch (error) {
        log.debug({ reason: toWeirError(error).message }, 'a service did not answer');
      }
      await pause(restMs, until);
    }
  }
}

/** First the target, then the source: so what the source says includes all that the target has. */
async function look({ pipeline, hub }: StatsOptions, watch: PipelineWatch): Promise<void> {
  const progress = await ifAnswered(askTarget(hub.control, pipeline, { op: 'progress' }));
  if (progress !== undefined) watch.onProgress(progress, Date.now());
  const askedAtMs = Date.now();
  const reached = minPosition(progress?.lanes.map(({ position }) => position) ?? []);
  const body = { op: 'mark' as const, ...(reached === null ? {} : { reached }) };
  const mark = await ifAnswered(askReader(hub.control, pipeline, body));
  if (mark !== undefined) watch.onMark(mark, askedAtMs, Date.now());
}

async function ifAnswered<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (toWeirError(error).code !== 'UNREACHABLE') throw error;
    return undefined;
  }
}
