import type { MetricDeclarations } from '../../shared/metrics/metric-declaration.ts';
import { setOrRemove, setTotal } from '../../shared/metrics/instruments.ts';
import type { Monitoring } from '../../shared/metrics/monitoring.ts';
import { CHANGE_KINDS } from '../../shared/progress/change-kinds.ts';
import type { ReaderStatus } from '../../shared/progress/status.ts';
import type { ReaderMeter } from './reader-meter.ts';

const PHASES: readonly ReaderStatus['phase'][] = [
  'starting',
  'snapshotting',
  'streaming',
  'paused',
  'stopped',
  'finished',
  'failed',
];

export const READER_METRICS = {
  weir_reader_phase: {
    type: 'gauge',
    help: `1 for the phase the reader is in, 0 for the others: ${PHASES.join(', ')}. A reader that stands by for another is \`starting\`.`,
    labels: ['phase'],
  },
  weir_reader_epochs_total: {
    type: 'counter',
    help: 'Times the reader began from what the target holds; more than one after its start mean failures.',
  },
  weir_reader_changes_total: {
    type: 'counter',
    help: 'Changes read by this process and handed to a lane; those that are read again after a failure count again.',
    labels: ['kind'],
  },
  weir_reader_transactions_total: {
    type: 'counter',
    help: 'Transactions of the source that this process has read to their end.',
  },
  weir_reader_largest_transaction_changes: {
    type: 'gauge',
    help: 'Changes in the largest transaction that this process has read.',
  },
  weir_reader_sent_bytes_total: {
    type: 'counter',
    help: 'Bytes of frames handed to the broker: `lane` for changes, `chunk` for the copy.',
    labels: ['kind'],
  },
  weir_reader_sent_frames_total: {
    type: 'counter',
    help: 'Frames handed to the broker: `lane` for changes, `chunk` for the copy.',
    labels: ['kind'],
  },
  weir_reader_stream_full_total: {
    type: 'counter',
    help: 'Times the broker refused a frame because its stream was full; the reader then waits and sends it again.',
    labels: ['kind'],
  },
  weir_reader_waiting_seconds_total: {
    type: 'counter',
    help: 'Time in which changes were not read because the broker or the target was behind (back-pressure).',
  },
  weir_reader_source_silence_seconds: {
    type: 'gauge',
    help: 'Time since anything arrived on the stream of changes, keepalives included; absent while none is read.',
  },
  weir_source_retained_bytes: {
    type: 'gauge',
    help: 'Log that the source holds back for this pipeline.',
  },
  weir_source_retained_limit_bytes: {
    type: 'gauge',
    help: 'How much it may hold back: the least of source.retention.limit and its own limit; absent where there is none.',
  },
  weir_source_retained_growth_bytes: {
    type: 'gauge',
    help: 'Growth of the retained log in bytes a second over the last minutes; 0 while it shrinks.',
  },
  weir_source_retained_full_seconds: {
    type: 'gauge',
    help: 'Until the limit is reached if it goes on like this; absent where it does not grow or has no limit.',
  },
  weir_source_retained_warning: {
    type: 'gauge',
    help: '1 while the retained log is a reason to look (see RETENTION_LIMIT in errors.md), else 0.',
  },
} as const satisfies MetricDeclarations;

/** An idle source is made to give a sign of life more often than that. */
const SILENCE_LIMIT_MS = 60_000;

export function measureReader(
  monitoring: Monitoring,
  meter: ReaderMeter,
  status: () => ReaderStatus,
): void {
  const made = monitoring.create(READER_METRICS);
  monitoring.tell(
    () => status().problem,
    () => notReady(status().phase, meter.silenceMs()),
  );
  monitoring.beforeScrape(() => {
    const { phase, retention } = status();
    for (const each of PHASES) made.weir_reader_phase.set({ phase: each }, each === phase ? 1 : 0);
    const totals = meter.totals();
    setTotal(made.weir_reader_epochs_total, {}, meter.epochs);
    for (const kind of CHANGE_KINDS)
      setTotal(made.weir_reader_changes_total, { kind }, totals.changes[kind]);
    setTotal(made.weir_reader_transactions_total, {}, totals.transactions);
    made.weir_reader_largest_transaction_changes.set(meter.largestTransaction());
    for (const [kind, sent] of Object.entries(totals.sent)) {
      setTotal(made.weir_reader_sent_bytes_total, { kind }, sent.bytes);
      setTotal(made.weir_reader_sent_frames_total, { kind }, sent.frames);
      setTotal(made.weir_reader_stream_full_total, { kind }, sent.refused);
    }
    setTotal(made.weir_reader_waiting_seconds_total, {}, totals.waitedMs / 1_000);
    const silenceMs = meter.silenceMs();
    setOrRemove(made.weir_reader_source_silence_seconds, inSeconds(silenceMs));
    setOrRemove(made.weir_source_retained_bytes, retention?.retainedBytes ?? null);
    setOrRemove(made.weir_source_retained_limit_bytes, retention?.limitBytes ?? null);
    setOrRemove(made.weir_source_retained_growth_bytes, retention?.growthBytesPerSecond ?? null);
    setOrRemove(made.weir_source_retained_full_seconds, retention?.secondsToLimit ?? null);
    const warned = retention === null ? null : Number(retention.warning !== null);
    setOrRemove(made.weir_source_retained_warning, warned);
  });
}

/** A reader that is idle as requested, or stands by for another, is ready. */
function notReady(phase: ReaderStatus['phase'], silenceMs: number | null): string | null {
  if (phase === 'failed') return 'the reader has failed';
  if (phase === 'streaming' && silenceMs !== null && silenceMs > SILENCE_LIMIT_MS)
    return `nothing has come from the source for ${Math.round(silenceMs / 1_000)} s, not even a keepalive`;
  return null;
}

function inSeconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}
