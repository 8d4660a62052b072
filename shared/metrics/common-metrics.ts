import type { MetricDeclarations } from './metric-declaration.ts';

/** What every service tells, besides `process_*` and `nodejs_*` of prom-client. */
export const COMMON_METRICS = {
  weir_service_info: {
    type: 'gauge',
    help: '1, with the version of Weir that runs.',
    labels: ['version'],
  },
  weir_service_ready: {
    type: 'gauge',
    help: '1 while `/readyz` says that the service does its work, else 0.',
  },
  weir_service_problem: {
    type: 'gauge',
    help: '1 while the service waits to try again after a failure, or has failed, else 0.',
  },
  weir_errors_total: {
    type: 'counter',
    help: 'Failures after which a service or a lane restarted or ended, by their code in errors.md.',
    labels: ['code'],
  },
  weir_messages_refused_total: {
    type: 'counter',
    help: 'Messages on the bus that are not what Weir sends, and were passed over: of another version, or of somebody else.',
    labels: ['kind'],
  },
} as const satisfies MetricDeclarations;
