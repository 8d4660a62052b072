import type { Watch } from './watch.ts';
import { HANDLER_BUCKETS } from './watch-meter.ts';

export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** For the parts of a histogram. */
  readonly suffix?: '_bucket' | '_sum' | '_count';
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const PHASES = ['waiting', 'resyncing', 'in-sync', 'behind', 'degraded', 'closed'] as const;

type AnyWatch = Pick<
  Watch,
  'name' | 'state' | 'meter' | 'failedKeys' | 'stuckKeys' | 'waiting' | 'waitingBytes' | 'revision'
>;

/** What Prometheus and others want to know, of all watches. */
export function readMetrics(watches: readonly AnyWatch[]): Metric[] {
  const each = (value: (watch: AnyWatch) => number): Sample[] =>
    watches.map((watch) => ({ labels: { watch: watch.name }, value: value(watch) }));
  const counter = (name: string, help: string, samples: Sample[]): Metric => ({
    name: `datasync_${name}_total`,
    type: 'counter',
    help,
    samples,
  });
  const gauge = (name: string, help: string, samples: Sample[]): Metric => ({
    name: `datasync_${name}`,
    type: 'gauge',
    help,
    samples,
  });
  return [
    counter(
      'changes',
      'Changes that were answered.',
      each(({ meter }) => meter.changes),
    ),
    counter(
      'failed_attempts',
      'Calls of a handler that failed or were overdue.',
      each(({ meter }) => meter.failedAttempts),
    ),
    counter(
      'resyncs',
      'RESYNCs that were begun, by cause.',
      watches.flatMap(({ name, meter }) =>
        [...meter.resyncs].map(([cause, value]) => ({ labels: { watch: name, cause }, value })),
      ),
    ),
    counter(
      'failed_resyncs',
      'RESYNCs that failed and were repeated.',
      each(({ meter }) => meter.failedResyncs),
    ),
    counter(
      'resync_items',
      'Items given by RESYNCs.',
      each(({ meter }) => meter.resyncItems),
    ),
    counter(
      'resync_removed',
      'Removed keys given by RESYNCs.',
      each(({ meter }) => meter.resyncRemoved),
    ),
    gauge(
      'waiting_keys',
      'Keys with work.',
      each(({ waiting }) => waiting),
    ),
    gauge(
      'waiting_bytes',
      'Values that wait.',
      each(({ waitingBytes }) => waitingBytes),
    ),
    gauge(
      'failed_keys',
      'Keys that have failed.',
      each(({ failedKeys }) => failedKeys.length),
    ),
    gauge(
      'stuck_keys',
      'Keys whose handler does not return.',
      each(({ stuckKeys }) => stuckKeys.length),
    ),
    gauge(
      'answered_revision',
      'Everything up to here is answered or has failed.',
      each(({ revision }) => Number(revision ?? 0n)),
    ),
    gauge(
      'state',
      '1 for the state that a watch is in.',
      watches.flatMap(({ name, state }) =>
        PHASES.map((phase) => ({
          labels: { watch: name, state: phase },
          value: phase === state ? 1 : 0,
        })),
      ),
    ),
    {
      name: 'datasync_handler_seconds',
      type: 'histogram',
      help: 'Time of handlers that answered.',
      samples: watches.flatMap(handlerSamples),
    },
  ];
}

function handlerSamples({ name, meter }: AnyWatch): Sample[] {
  const labels = { watch: name };
  return [
    ...HANDLER_BUCKETS.map((bound, index) => ({
      suffix: '_bucket' as const,
      labels: { ...labels, le: String(bound) },
      value: meter.handlerBuckets[index]!,
    })),
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: meter.handlerCalls },
    { suffix: '_sum', labels, value: meter.handlerSeconds },
    { suffix: '_count', labels, value: meter.handlerCalls },
  ];
}

/** The text form of Prometheus. */
export function metricsText(metrics: readonly Metric[]): string {
  const lines = metrics.flatMap(({ name, type, help, samples }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(({ suffix = '', labels, value }) => {
      const text = Object.entries(labels).map(([label, of]) => `${label}="${of}"`);
      return `${name}${suffix}{${text.join(',')}} ${value}`;
    }),
  ]);
  return `${lines.join('\n')}\n`;
}
