import { setTotal } from '../../shared/metrics/instruments.ts';
import type { MetricDeclarations } from '../../shared/metrics/metric-declaration.ts';
import type { Monitoring } from '../../shared/metrics/monitoring.ts';
import type { TransformerStatus } from '../../shared/progress/status.ts';
import type { TransformMeter } from './transform-meter.ts';

export const TRANSFORMER_METRICS = {
  weir_transformer_lanes: {
    type: 'gauge',
    help: 'Lanes that this transformer works on.',
  },
  weir_transformer_frames_total: {
    type: 'counter',
    help: 'Frames that this process has mirrored.',
  },
  weir_transformer_rows_total: {
    type: 'counter',
    help: 'Rows and changes that this process has taken through the steps; those of a frame that came twice count twice.',
  },
  weir_transformer_filtered_total: {
    type: 'counter',
    help: 'Of those, the ones that a step has left out.',
  },
  weir_transformer_work_seconds_total: {
    type: 'counter',
    help: 'Time spent in the steps.',
  },
} as const satisfies MetricDeclarations;

export function measureTransformer(
  monitoring: Monitoring,
  meter: TransformMeter,
  status: () => TransformerStatus,
): void {
  const made = monitoring.create(TRANSFORMER_METRICS);
  monitoring.tell(
    () => status().problem,
    () => notReady(status()),
  );
  monitoring.beforeScrape(() => {
    made.weir_transformer_lanes.set(status().lanes.length);
    setTotal(made.weir_transformer_frames_total, {}, meter.frames);
    setTotal(made.weir_transformer_rows_total, {}, meter.rows);
    setTotal(made.weir_transformer_filtered_total, {}, meter.filtered);
    setTotal(made.weir_transformer_work_seconds_total, {}, meter.workedMs / 1_000);
  });
}

function notReady({ phase }: TransformerStatus): string | null {
  if (phase === 'starting') return 'the lanes are being taken';
  return phase === 'failed' ? 'the transformer has failed' : null;
}
