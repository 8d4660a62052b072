import { type MetricDeclarations } from '../../shared/metrics/metric-declaration.ts';
import { setTotal } from '../../shared/metrics/instruments.ts';
import type { Monitoring } from '../../shared/metrics/monitoring.ts';
import { CHANGE_KINDS } from '../../shared/progress/change-kinds.ts';
import type { WriterStatus } from '../../shared/progress/status.ts';
import type { Gate } from './gate.ts';
import type { WriterMeter } from './writer-meter.ts';

/** Counted or read when somebody asks. */
export const WRITER_METRICS = {
  weir_writer_lanes: {
    type: 'gauge',
    help: 'Lanes that this writer works on.',
  },
  weir_writer_changes_total: {
    type: 'counter',
    help: 'Changes that this process has committed at the target, as the source made them (before folding).',
    labels: ['kind'],
  },
  weir_writer_bytes_total: {
    type: 'counter',
    help: 'Bytes of the changes that this process has committed.',
  },
  weir_writer_rows_copied_total: {
    type: 'counter',
    help: 'Rows of the copy that this process has committed.',
  },
  weir_writer_chunks_total: {
    type: 'counter',
    help: 'Chunks of the copy that came: `loaded`, `present` (the target had it), `unwanted` (of a plan since replaced).',
    labels: ['outcome'],
  },
  weir_writer_lanes_waiting: {
    type: 'gauge',
    help: 'Lanes whose next change waits until the copy of its namespace is in and finished.',
  },
  weir_writer_open_commit_seconds: {
    type: 'gauge',
    help: 'How long the target has been at the oldest commit that runs; 0 where none does.',
  },
} as const satisfies MetricDeclarations;

export function measureWriter(
  monitoring: Monitoring,
  meter: WriterMeter,
  gate: Gate,
  status: () => WriterStatus,
): void {
  const made = monitoring.create(WRITER_METRICS);
  monitoring.tell(
    () => status().problem,
    () => notReady(status(), meter.oldestCommitMs()),
  );
  monitoring.beforeScrape(() => {
    made.weir_writer_lanes.set(status().lanes.length);
    for (const kind of CHANGE_KINDS)
      setTotal(made.weir_writer_changes_total, { kind }, meter.applied[kind]);
    setTotal(made.weir_writer_bytes_total, {}, meter.bytesApplied);
    setTotal(made.weir_writer_rows_copied_total, {}, meter.rowsCopied);
    for (const [outcome, count] of Object.entries(meter.chunks))
      setTotal(made.weir_writer_chunks_total, { outcome }, count);
    made.weir_writer_lanes_waiting.set(gate.waiting);
    made.weir_writer_open_commit_seconds.set(meter.oldestCommitMs() / 1_000);
  });
}

/** A commit that takes so long hangs, on a lock or on the target. */
const COMMIT_LIMIT_MS = 60_000;

/** A writer without a lane stands by, and one that has nothing to write waits rightly. */
function notReady({ phase }: WriterStatus, oldestCommitMs: number): string | null {
  if (phase === 'starting')
    return 'the pipeline has no plan in the target yet, or the lanes are being taken';
  if (phase === 'failed') return 'the writer has failed';
  if (oldestCommitMs <= COMMIT_LIMIT_MS) return null;
  return `the target has been at one commit for ${Math.round(oldestCommitMs / 1_000)} s; look for what holds it up there, such as a lock`;
}
