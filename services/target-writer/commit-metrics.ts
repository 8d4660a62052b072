import {
  SECONDS_BUCKETS,
  type MetricDeclarations,
} from '../../shared/metrics/metric-declaration.ts';

/** Observed at each commit. */
export const COMMIT_METRICS = {
  weir_writer_commit_seconds: {
    type: 'histogram',
    help: 'Time to apply and commit one batch of changes at the target, with the wait for a transaction that it shares.',
    buckets: SECONDS_BUCKETS,
  },
  weir_writer_batch_changes: {
    type: 'histogram',
    help: 'Changes in one committed batch, before folding; 0 is a batch that only moves the position.',
    buckets: [0, 1, 5, 10, 50, 100, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000],
  },
  weir_writer_lag_seconds: {
    type: 'histogram',
    help: 'From the commit at the source to the commit at the target, per frame of changes, by the clocks of both machines.',
    buckets: SECONDS_BUCKETS,
  },
  weir_writer_chunk_seconds: {
    type: 'histogram',
    help: 'Time to load and commit one chunk of the copy at the target, while its bytes arrive.',
    buckets: SECONDS_BUCKETS,
  },
} as const satisfies MetricDeclarations;
