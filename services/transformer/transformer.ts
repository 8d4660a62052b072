import type { Logger } from 'pino';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import { createHolder, shortHolder } from '../../shared/hub/holder.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { LaneOwner } from '../../shared/hub/lane-owner.ts';
import { publishStatus } from '../../shared/hub/status-board.ts';
import { runService } from '../../shared/lifecycle/run-service.ts';
import type { Monitoring } from '../../shared/metrics/monitoring.ts';
import type { TransformerStatus } from '../../shared/progress/status.ts';
import type { Chains } from './chains.ts';
import { measureTransformer } from './metrics.ts';
import { TransformLane, type TransformContext } from './transform-lane.ts';
import { TransformMeter } from './transform-meter.ts';

export interface TransformerOptions {
  spec: PipelineSpec;
  chains: Chains;
  hub: Hub;
  log: Logger;
  monitoring: Monitoring;
  signal: AbortSignal;
}

/**
 * The service between reader and writers that takes rows through the steps of the pipeline. Any number of them share
 * the lanes among each other. It has no state: whatever it lacks comes again from the broker, or from the reader.
 */
export async function runTransformer(options: TransformerOptions): Promise<void> {
  const { spec, chains, hub, log, monitoring, signal } = options;
  const holder = createHolder();
  const meter = new TransformMeter((code) => monitoring.failed(code));
  const context: TransformContext = {
    hub,
    pipeline: spec.name,
    holder: shortHolder(holder),
    chains,
    onBadRow: spec.onBadRow,
    meter,
  };
  let owner: LaneOwner | null = null;
  let problem: string | null = null;
  let phase: TransformerStatus['phase'] = 'starting';

  const status = (): TransformerStatus => ({
    service: 'transformer',
    pipeline: spec.name,
    id: shortHolder(holder),
    pid: process.pid,
    atMs: Date.now(),
    problem: problem ?? owner?.problem ?? null,
    phase,
    lanes: owner?.lanes ?? [],
    rows: meter.rows,
    filtered: meter.filtered,
  });
  measureTransformer(monitoring, meter, status);
  const stopStatus = publishStatus(hub.control, status);

  try {
    await runService({
      log,
      signal,
      onProblem: (text, code) => {
        problem = text;
        monitoring.failed(code);
      },
      body: async (inner) => {
        phase = 'starting';
        owner = await LaneOwner.open({
          hub,
          pipeline: spec.name,
          holder,
          role: 'transformer',
          lanes: Math.max(spec.lanes, spec.copyLanes),
          workOf: (lane) => [
            (s) => TransformLane.run(context, 'chunk', lane, s),
            ...(lane < spec.lanes
              ? [(s: AbortSignal) => TransformLane.run(context, 'lane', lane, s)]
              : []),
          ],
          onFailure: (code) => meter.failed(code),
          log,
        });
        problem = null;
        phase = 'running';
        log.info({ transformer: shortHolder(holder) }, 'transformer is ready');
        await owner.run(inner);
      },
    });
  } catch (error) {
    phase = 'failed';
    throw error;
  } finally {
    stopStatus();
  }
}
