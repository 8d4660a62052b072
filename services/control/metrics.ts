import {
  type MetricDeclarations,
  SECONDS_BUCKETS,
} from '../../shared/metrics/metric-declaration.ts';
import type { Monitoring } from '../../shared/metrics/monitoring.ts';
import { STATES } from './api/answers.ts';
import type { Fleet } from './fleet.ts';

export const CONTROL_METRICS = {
  weir_control_pipelines: {
    type: 'gauge',
    help: `Pipelines that control knows, by the state it shows: ${STATES.join(', ')}.`,
    labels: ['state'],
  },
  weir_control_runs: {
    type: 'gauge',
    help: 'Pipelines whose services this control has started and looks after.',
  },
  weir_control_streams: {
    type: 'gauge',
    help: 'Clients that are sent live changes, as the console is.',
  },
  weir_control_requests_total: {
    type: 'counter',
    help: 'Requests that were answered, by the class of the status: `2xx`, `4xx`, `5xx`.',
    labels: ['status'],
  },
  weir_control_request_seconds: {
    type: 'histogram',
    help: 'Time to answer a request; live changes, which do not end, are left out.',
    buckets: SECONDS_BUCKETS,
  },
} as const satisfies MetricDeclarations;

/** Notes what is asked of the API. */
export interface RequestMeter {
  answered(status: number, seconds: number): void;
}

export function measureControl(
  monitoring: Monitoring,
  fleet: Fleet,
  openStreams: () => number,
): RequestMeter {
  const made = monitoring.create(CONTROL_METRICS);
  for (const status of ['2xx', '4xx', '5xx']) made.weir_control_requests_total.inc({ status }, 0);
  monitoring.tell(
    () => (fleet.brokerReachable ? fleet.stateProblem : 'the NATS server cannot be reached'),
    () => null,
  );
  monitoring.beforeScrape(() => {
    const nowMs = Date.now();
    const pipelines = fleet.list();
    const states = pipelines.map((pipeline) => pipeline.summary(nowMs).state);
    for (const state of STATES)
      made.weir_control_pipelines.set({ state }, states.filter((each) => each === state).length);
    made.weir_control_runs.set(pipelines.filter(({ run }) => run !== null).length);
    made.weir_control_streams.set(openStreams());
  });
  return {
    answered(status, seconds) {
      made.weir_control_requests_total.inc({ status: `${Math.floor(status / 100)}xx` });
      made.weir_control_request_seconds.observe(seconds);
    },
  };
}
