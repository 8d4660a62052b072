import { checkPipeline } from '../../../services/preflight/pipeline-check.ts';
import { startService } from '../../../services/wiring/start-service.ts';
import { PIPELINE_PARTS } from '../../../services/wiring/pipeline-parts.ts';
import { waitUntilCaughtUp } from '../../../services/supervisor/caught-up.ts';
import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';
import type { PipelineSpec } from '../../../shared/config/pipeline-spec.ts';
import { isAbort, toWeirError } from '../../../shared/errors/weir-error.ts';
import { connectHub, type Hub } from '../../../shared/hub/hub.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { Monitoring } from '../../../shared/metrics/monitoring.ts';
import { Said, type Run, type RunEnd } from './run.ts';

type Service = Parameters<typeof startService>[0];

/**
 * What `weir run` does, without its processes, whose start takes most of the time of a small case: the check, the
 * services, and the wait until they have caught up. Cannot be killed, only stopped.
 */
export class InProcessRun implements Run {
  readonly output = new Said();
  readonly ended: Promise<RunEnd>;
  running = true;
  readonly #stopping = new AbortController();

  constructor(file: string, until: boolean) {
    this.ended = this.#run(file, until).then((code) => {
      this.running = false;
      this.output.add('');
      return { code, output: this.output.text };
    });
  }

  kill(): void {
    this.#stopping.abort();
  }

  interrupt(): void {
    this.#stopping.abort();
  }

  async #run(file: string, until: boolean): Promise<number> {
    try {
      const spec = await readPipelineFile(file, PIPELINE_PARTS);
      const report = await checkPipeline(spec);
      for (const { part, address, findings } of report.parts)
        for (const { level, subject, message } of findings)
          if (level !== 'ok') this.#print(`${level}: ${part} ${address}: ${subject}: ${message}`);
      if (!report.fit || this.#stopping.signal.aborted) return report.fit ? 0 : 1;
      return await this.#serve(spec, until);
    } catch (error) {
      return this.#fail(error);
    }
  }

  async #serve(spec: PipelineSpec, until: boolean): Promise<number> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.#stopping.signal, over.signal]);
    const start = (service: Service): Promise<number> =>
      this.#start(service, spec, signal).catch((error: unknown) =>
        isAbort(error) ? 0 : this.#fail(error, service),
      );
    const services = [
      start('source-reader'),
      ...Array.from({ length: spec.writers }, () => start('target-writer')),
      ...(spec.transforms.length > 0 ? [start('transformer')] : []),
    ];
    const hub = await connect(spec, 'run');
    try {
      const caughtUp = until
        ? waitUntilCaughtUp(hub, spec.name, signal).then((done) => (done ? 0 : 1))
        : new Promise<never>(() => undefined);
      return await Promise.race([...services, caughtUp]);
    } finally {
      over.abort();
      await Promise.all(services);
      await hub.close();
    }
  }

  async #start(service: Service, spec: PipelineSpec, signal: AbortSignal): Promise<number> {
    const log = createLogger({
      service,
      pipeline: spec.name,
      level: 'info',
      stream: { write: (line) => this.output.add(line) },
    });
    const monitoring = new Monitoring({ pipeline: spec.name, service, version: '0' });
    const hub = await connect(spec, service);
    try {
      await startService(service, spec, { hub, log, monitoring, signal });
      return 0;
    } finally {
      await hub.close();
    }
  }

  #fail(error: unknown, service?: Service): number {
    const { code, message, exitCode } = toWeirError(error);
    if (code === 'INTERNAL') this.#print(`this is a defect: ${String((error as Error).stack)}`);
    this.#print(service === undefined ? message : `${service}: ${message}`);
    return exitCode;
  }

  #print(line: string): void {
    this.output.add(`weir: ${line}\n`);
  }
}

/** Each service has connections of its own, as a process has. */
function connect(spec: PipelineSpec, service: string): Promise<Hub> {
  return connectHub({ url: spec.nats.url!.reveal(), name: `weir/${spec.name}/${service}` });
}
