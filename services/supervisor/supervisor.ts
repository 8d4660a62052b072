import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import {
  formatListenAddress,
  type ListenAddress,
  nextListenAddress,
} from '../../shared/metrics/listen-address.ts';
import { ServiceProcess, type ServiceEnd, type ServiceProcessOptions } from './service-process.ts';

export interface SupervisorOptions {
  file: string;
  spec: PipelineSpec;
  natsUrl: string;
  writers: number;
  /** The first of the addresses where metrics are served, which is for this process itself; null for none. */
  metricsListen: ListenAddress | null;
  /** Log lines of the services, as they wrote them. */
  onLog: (line: string) => void;
}

/** The services of one pipeline on this machine, each a process, kept running until stopped. */
export interface Supervisor {
  /** The first service that ended for good: a failure, or the reader having finished. */
  readonly ended: Promise<ServiceEnd>;
  readonly processes: readonly ServiceProcess[];
  stop(): Promise<void>;
}

export function startPipeline(options: SupervisorOptions): Supervisor {
  const { file, spec, natsUrl, writers, metricsListen, onLog } = options;
  const env = (place: number): NodeJS.ProcessEnv => ({
    ...process.env,
    WEIR_NATS_URL: natsUrl,
    WEIR_METRICS_LISTEN:
      metricsListen === null ? 'off' : formatListenAddress(nextListenAddress(metricsListen, place)),
  });
  let place = 0;
  const start = (service: ServiceProcessOptions['service']): ServiceProcess =>
    new ServiceProcess({ service, file, env: env(++place), onLog });
  const reader = start('source-reader');
  const writing = Array.from({ length: writers }, () => start('target-writer'));
  const transformers = spec.transforms.length === 0 ? 0 : spec.transformers;
  const transforming = Array.from({ length: transformers }, () => start('transformer'));
  const processes = [reader, ...transforming, ...writing];
  return {
    ended: Promise.race(processes.map((process) => process.ended)),
    processes,
    // Along the way of the rows, so that what was read arrives.
    async stop() {
      await reader.stop();
      await Promise.all(transforming.map((process) => process.stop()));
      await Promise.all(writing.map((process) => process.stop()));
    },
  };
}
