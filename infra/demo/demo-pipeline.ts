import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPipelineFile } from '../../shared/config/pipeline-file.ts';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type { PipelineState } from '../../shared/connector/sink.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import { connectHub, type Hub } from '../../shared/hub/hub.ts';
import { askTarget } from '../../shared/hub/ask.ts';
import { watchStatus } from '../../shared/hub/status-board.ts';
import { deletePipelineStreams } from '../../shared/hub/streams.ts';
import type { ReaderStatus } from '../../shared/progress/status.ts';
import { parseListenAddress } from '../../shared/metrics/listen-address.ts';
import { PIPELINE_PARTS } from '../../services/wiring/pipeline-parts.ts';
import { waitUntilCaughtUp } from '../../services/supervisor/caught-up.ts';
import { StatusBoard } from '../../services/cli/status/status-line.ts';
import { watchPipeline } from '../../services/supervisor/watch-pipeline.ts';
import { startPipeline, type Supervisor } from '../../services/supervisor/supervisor.ts';
import type { DemoServers } from './demo-servers.ts';

const PASSWORD_VARIABLE = 'WEIR_DEMO_PASSWORD';
const LOG_LINES_KEPT = 20;

/** The demo's pipeline: its file, its services as processes of their own, and what they say of themselves. */
export class DemoPipeline {
  readonly board = new StatusBoard();
  readonly file: string;
  readonly spec: PipelineSpec;
  readonly #hub: Hub;
  readonly #supervisor: Supervisor;
  readonly #log: string[];

  private constructor(
    file: string,
    spec: PipelineSpec,
    hub: Hub,
    supervisor: Supervisor,
    log: string[],
  ) {
    this.file = file;
    this.spec = spec;
    this.#hub = hub;
    this.#supervisor = supervisor;
    this.#log = log;
  }

  static async start(
    servers: DemoServers,
    cleanUp: (() => Promise<void>)[],
  ): Promise<DemoPipeline> {
    // The services inherit it; the file and the process list never hold the password.
    process.env[PASSWORD_VARIABLE] = servers.password;
    const folder = await mkdtemp(join(tmpdir(), 'weir-demo-'));
    cleanUp.push(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'pipeline.yaml');
    await writeFile(file, pipelineText(servers));
    const spec = await readPipelineFile(file, PIPELINE_PARTS);

    const { natsUrl } = servers;
    const hub = await connectHub({ url: natsUrl, name: `weir/${spec.name}/demo` });
    cleanUp.push(async () => {
      // A server that was named, and is not the demo's own, is left as it was found.
      await deletePipelineStreams(hub.control, spec.name);
      await hub.close();
    });
    const log: string[] = [];
    const onLog = (line: string): void => {
      log.push(line);
      if (log.length > LOG_LINES_KEPT) log.shift();
    };
    const listen = parseListenAddress(process.env['WEIR_METRICS_LISTEN']);
    const supervisor = startPipeline({
      file,
      spec,
      natsUrl,
      writers: spec.writers,
      metricsListen: listen,
      onLog,
    });
    cleanUp.push(() => supervisor.stop());
    const pipeline = new DemoPipeline(file, spec, hub, supervisor, log);
    const unwatch = watchStatus(hub.control, spec.name, (status) => pipeline.board.put(status));
    cleanUp.push(async () => unwatch());
    cleanUp.push(await watchPipeline(hub, spec.name, listen, { level: 'silent' }));
    return pipeline;
  }

  /** Never resolves; rejects when a service has given up. */
  async failed(): Promise<never> {
    const { service, exitCode, reason } = await this.#supervisor.ended;
    const said = this.#log.length === 0 ? '' : `\n${this.#log.join('\n')}`;
    throw new WeirError(
      'INTERNAL',
      `the ${service} of the demo ended with ${exitCode}: ${reason ?? 'it gave no reason'}${said}`,
    );
  }

  reader(): ReaderStatus | undefined {
    return this.board
      .services()
      .find((status): status is ReaderStatus => status.service === 'source-reader');
  }

  /** Whether the first chunk is being read, or more has happened already. */
  isCopying(): boolean {
    const phase = this.reader()?.phase;
    return phase !== undefined && phase !== 'starting';
  }

  /** Whether every namespace is copied and finished at the target. */
  isCopied(): boolean {
    const copy = Object.values(this.reader()?.copy ?? {});
    return copy.length > 0 && copy.every(({ ready }) => ready);
  }

  /** What the target itself says it holds. */
  async state(): Promise<PipelineState> {
    const state = await askTarget(this.#hub.control, this.spec.name, { op: 'state' });
    if (state === null)
      throw new WeirError('INTERNAL', 'the target of the demo knows nothing of the pipeline');
    return state;
  }

  /** Resolves when the target holds all that the source holds now. */
  async catchUp(signal: AbortSignal): Promise<void> {
    await waitUntilCaughtUp(this.#hub, this.spec.name, signal);
    signal.throwIfAborted();
  }
}

function pipelineText({ sourceUrl, targetUrl }: DemoServers): string {
  const withoutPassword = (url: string): string =>
    url.replace(/:\/\/([^:]*):[^@]*@/, `://$1:$\{${PASSWORD_VARIABLE}}@`);
  // The name is its own: the NATS server may be one that others use too.
  return `name: demo-${randomBytes(4).toString('hex')}
mode: snapshot+changes
source:
  url: ${withoutPassword(sourceUrl)}
  namespaces: ["shop.*"]
target:
  url: ${withoutPassword(targetUrl)}
  create: missing
lanes: 8
writers: 1
`;
}
