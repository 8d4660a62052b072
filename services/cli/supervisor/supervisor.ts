import type { PipelineSpec } from '../../../shared/config/pipeline-spec.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import {
  formatListenAddress,
  type ListenAddress,
  nextListenAddress,
} from '../../../shared/metrics/listen-address.ts';
import { ServiceProcess, type ServiceEnd } from './service-process.ts';

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
  if (spec.transforms.length > 0)
    throw new WeirError('NOT_SUPPORTED', 'transforms cannot be run in this version yet');
  const env = (place: number): NodeJS.ProcessEnv => ({
    ...process.env,
    WEIR_NATS_URL: natsUrl,
    WEIR_METRICS_LISTEN:
      metricsListen === null ? 'off' : formatListenAddress(nextListenAddress(metricsListen, place)),
  });
  const reader = new ServiceProcess({ service: 'source-reader', file, env: env(1), onLog });
  const writing = Array.from(
    { length: writers },
    (_, index) =>
      new ServiceProcess({ service: 'target-writer', file, env: env(2 + index), onLog }),
  );
  const processes = [reader, ...writing];
  return {
    ended: Promise.race(processes.map((process) => process.ended)),
    processes,
    async stop() {
      await reader.stop();
      await Promise.all(writing.map((process) => process.stop()));
    },
  };
}
