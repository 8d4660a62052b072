import type { PipelineSpec } from '../../../shared/config/pipeline-spec.ts';
import { ServiceProcess, type ServiceEnd } from './service-process.ts';

export interface SupervisorOptions {
  file: string;
  spec: PipelineSpec;
  natsUrl: string;
  writers: number;
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
  const { file, natsUrl, writers, onLog } = options;
  const env = { ...process.env, WEIR_NATS_URL: natsUrl };
  const reader = new ServiceProcess({ service: 'source-reader', file, env, onLog });
  const writing = Array.from(
    { length: writers },
    () => new ServiceProcess({ service: 'target-writer', file, env, onLog }),
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
