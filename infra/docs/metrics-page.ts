import { COMMON_METRICS } from '../../shared/metrics/common-metrics.ts';
import type { MetricDeclarations } from '../../shared/metrics/metric-declaration.ts';
import { CONTROL_METRICS } from '../../services/control/metrics.ts';
import { READER_METRICS } from '../../services/source-reader/metrics.ts';
import { WRITER_METRICS } from '../../services/target-writer/metrics.ts';
import { COMMIT_METRICS } from '../../services/target-writer/commit-metrics.ts';
import { STATS_METRICS } from '../../services/stats/metrics.ts';
import { TRANSFORMER_METRICS } from '../../services/transformer/metrics.ts';
import { code, markdownTable } from './markdown.ts';

/** Every metric of each service, for the page and for whoever must know all names. */
export const METRICS_OF_SERVICES: Readonly<Record<string, MetricDeclarations>> = {
  'every service': COMMON_METRICS,
  'source-reader': READER_METRICS,
  transformer: TRANSFORMER_METRICS,
  'target-writer': { ...WRITER_METRICS, ...COMMIT_METRICS },
  stats: STATS_METRICS,
  control: CONTROL_METRICS,
};

/** `docs/metrics.md`. */
export function metricsPage(): string {
  const sections = Object.entries(METRICS_OF_SERVICES).map(
    ([service, metrics]) => `## Of ${service.includes(' ') ? service : `the ${service}`}

${markdownTable(
  ['name', 'type', 'labels', 'meaning'],
  Object.entries(metrics).map(([name, { type, labels, help }]) => [
    code(name),
    type,
    (labels ?? []).map(code).join(', '),
    help,
  ]),
)}
`,
  );
  return `# Metrics

<!-- Made by "npm run docs" from the metrics.ts of each service; change it there. -->

Every service serves, at the address of \`--metrics-listen\` or \`WEIR_METRICS_LISTEN\` and nowhere where neither is set:

${markdownTable(
  ['path', 'answer'],
  [
    [code('/metrics'), "Prometheus' text format"],
    [code('/healthz'), '200 while the event loop turns: no answer means that the process hangs'],
    [
      code('/readyz'),
      '200 while the service does its work, stands by, or is idle as requested; else 503 with a sentence that says why',
    ],
    [
      code('/targets'),
      'of control alone: where the services that it has started serve theirs, for `http_sd_configs` of Prometheus',
    ],
  ],
)}

All metrics have the labels \`pipeline\` and \`service\`, those of control only \`service\`. Besides those below there are \`process_*\` and \`nodejs_*\` (processor
time, resident memory, start time, event loop lag, garbage collection) as prom-client names them. A process that
starts again begins to count at 0, as Prometheus expects of counters. Labels are few: none has a row, a key or a
namespace for its value, unless it says so below.

What all of it costs, \`npm run bench -- overhead\` measures: the same changes with every service scraped each second, a stats
service and a control with a client, and without any of them. On two cores that other work shared, 150,000 changes, median of
three, no throughput was lost that stands out of what equal runs differ by (4 %); stats took 0.017 and control 0.011 of a core,
beside 1.0 that the pipeline, the broker and both databases took.

${sections.join('\n')}`;
}
