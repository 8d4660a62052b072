import type { Logger } from 'pino';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type { Sink } from '../../shared/connector/sink.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { LaneLife } from '../../shared/hub/lane-life.ts';
import { LaneOwner } from '../../shared/hub/lane-owner.ts';
import { streamName } from '../../shared/hub/names.ts';
import { watchNotices } from '../../shared/hub/notices.ts';
import { publishStatus } from '../../shared/hub/status-board.ts';
import { lastSequenceOf } from '../../shared/hub/streams.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { runTogether } from '../../shared/lifecycle/run-together.ts';
import type { Monitoring } from '../../shared/metrics/monitoring.ts';
import type { WriterStatus } from '../../shared/progress/status.ts';
import { ChangeLane } from './change-lane.ts';
import { ChunkLane } from './chunk-lane.ts';
import { Gate } from './gate.ts';
import { measureWriter } from './metrics.ts';
import { RelationPool } from './relation-pool.ts';
import { serveTarget } from './target-server.ts';
import { TransactionLane } from './transaction-lane.ts';
import { ProgressNotices } from './progress-notices.ts';
import type { WriterContext } from './writer-context.ts';
import { WriterMeter } from './writer-meter.ts';

const LOOK_MS = 5_000;

export interface TargetWriterOptions {
  spec: PipelineSpec;
  sink: Sink;
  hub: Hub;
  log: Logger;
  monitoring: Monitoring;
  signal: AbortSignal;
}

/**
 * The service that writes the target. Any number of them may work for one pipeline; they share the lanes among each
 * other and answer the reader's questions about the target.
 */
export async function runTargetWriter(options: TargetWriterOptions): Promise<void> {
  const { spec, sink, hub, log, monitoring, signal } = options;
  const life = new LaneLife(spec.name);
  const gate = new Gate(sink);
  const meter = new WriterMeter(monitoring);
  const context: WriterContext = {
    pipeline: spec.name,
    order: spec.order,
    writerId: life.holder,
    hub,
    sink,
    gate,
    relations: new RelationPool(),
    meter,
    progress: new ProgressNotices(hub, spec.name),
    log,
  };
  const status = (): WriterStatus => ({
    service: 'target-writer',
    ...lifeStatus(life, sink),
    warnings: [...(sink.warnings?.() ?? [])],
    changesApplied: meter.changesApplied,
    rowsCopied: meter.rowsCopied,
    lagMs: meter.lagMs(),
  });
  measureWriter(monitoring, meter, gate, status);
  const stopStatus = publishStatus(hub.control, status);
  const stopServing = serveTarget({ hub, pipeline: spec.name, sink, gate });

  try {
    await life.run({
      log,
      signal,
      onFailure: (code) => monitoring.failed(code),
      body: async (inner) => {
        while (!inner.aborted) {
          life.waits();
          const lanes = await waitForLanes({ hub, sink, spec }, inner);
          if (lanes === null) return;
          const opened = await openLanes(context, lanes, spec.copyLanes);
          life.began(opened);
          log.info({ writer: life.id, ofLanes: lanes }, 'writer is ready');
          const over = new AbortController();
          await runTogether(AbortSignal.any([inner, over.signal]), [
            (s) => gate.run(s),
            (s) => opened.run(s),
            (s) => untilReset(context, lanes, s).finally(() => over.abort()),
          ]);
          if (!inner.aborted) log.info('pipeline was reset, waiting for a new plan');
        }
      },
    });
  } finally {
    stopServing();
    stopStatus();
    await sink.close();
  }
}

/** What has failed comes before what is only waited for. */
function lifeStatus(life: LaneLife, sink: Sink): ReturnType<LaneLife['status']> {
  const status = life.status();
  return { ...status, problem: status.problem ?? sink.problem?.() ?? null };
}

/** Chunks need no order, and may have more lanes than the changes. */
function openLanes(context: WriterContext, lanes: number, copyLanes: number): Promise<LaneOwner> {
  const { hub, pipeline, writerId, order, meter, log } = context;
  const changes = order === 'transaction' ? TransactionLane : ChangeLane;
  return LaneOwner.open({
    hub,
    pipeline,
    holder: writerId,
    role: 'writer',
    lanes: Math.max(lanes, copyLanes),
    workOf: (lane) =>
      (lane < lanes ? [ChunkLane, changes] : [ChunkLane]).map(
        (kind) => (signal: AbortSignal) => kind.run(context, lane, signal),
      ),
    onFailure: (code) => meter.failed(code),
    log,
  });
}

/** Returns when the plan that this writer works for is gone, or aborted. Where nobody tells of it, the target does. */
async function untilReset(
  { hub, pipeline, sink }: WriterContext,
  lanes: number,
  signal: AbortSignal,
): Promise<void> {
  const told = new AbortController();
  const stop = watchNotices(hub.control, pipeline, (notice) => {
    if (notice.kind === 'reset') told.abort();
  });
  const over = AbortSignal.any([signal, told.signal]);
  try {
    while (!over.aborted) {
      await pause(LOOK_MS, over);
      if (over.aborted) return;
      const progress = await sink.readProgress();
      if (progress?.lanes.length !== lanes) return;
    }
  } finally {
    stop();
  }
}

/**
 * The number of lanes of the pipeline, as soon as a reader has made its plan and lanes in this broker; null when aborted
 * first. Until then nothing is touched: a reader that finds the pipeline running elsewhere, with another broker, makes none,
 * and the lanes there must not be taken from their owners.
 */
async function waitForLanes(
  { hub, sink, spec }: Pick<TargetWriterOptions, 'hub' | 'sink' | 'spec'>,
  signal: AbortSignal,
): Promise<number | null> {
  const first = streamName(spec.name, 'lane', 0);
  while (!signal.aborted) {
    const state = await sink.readState();
    if (state !== null && state.order !== spec.order)
      throw new WeirError(
        'CONFIG_INVALID',
        `pipeline ${spec.name} was made with order: ${state.order}, and the file says ${spec.order}; set it back, or run \`weir reset\` and copy again`,
      );
    if (state !== null && (await lastSequenceOf(hub.control, first)) !== null)
      return state.plan.lanes;
    await pause(200, signal);
  }
  return null;
}
