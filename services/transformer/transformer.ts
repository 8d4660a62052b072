import type { Logger } from 'pino';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { LaneLife } from '../../shared/hub/lane-life.ts';
import { LaneOwner } from '../../shared/hub/lane-owner.ts';
import { publishStatus } from '../../shared/hub/status-board.ts';
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
  const life = new LaneLife(spec.name);
  const meter = new TransformMeter((code) => monitoring.failed(code));
  const context: TransformContext = {
    hub,
    pipeline: spec.name,
    holder: life.id,
    chains,
    onBadRow: spec.onBadRow,
    meter,
  };
  const status = (): TransformerStatus => ({
    service: 'transformer',
    ...life.status(),
    rows: meter.rows,
    filtered: meter.filtered,
  });
  measureTransformer(monitoring, meter, status);
  const stopStatus = publishStatus(hub.control, status);

  try {
    await life.run({
      log,
      signal,
      onFailure: (code) => monitoring.failed(code),
      body: async (inner) => {
        const owner = await LaneOwner.open({
          hub,
          pipeline: spec.name,
          holder: life.holder,
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
        life.began(owner);
        log.info({ transformer: life.id }, 'transformer is ready');
        await owner.run(inner);
      },
    });
  } finally {
    stopStatus();
  }
}
