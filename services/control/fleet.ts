import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import { toWeirError, WeirError } from '../../shared/errors/weir-error.ts';
import { hostsOf, type Hub, watchConnection } from '../../shared/hub/hub.ts';
import { watchStatus } from '../../shared/hub/status-board.ts';
import type { Summary } from './api/answers.ts';
import { detach, ignoreFailure } from '../../shared/lifecycle/detach.ts';
import { ComparisonFiles } from './comparison-files.ts';
import { transition, type Action, type Condition } from './condition.ts';
import { EventFile } from './event-file.ts';
import { EventLog } from './event-log.ts';
import type { Host } from './host.ts';
import type { PipelineFiles } from './pipeline-files.ts';
import { desire, startRun, stopRun } from './lifecycle.ts';
import { Pipeline } from './pipeline.ts';
import { Verifications } from './verifications.ts';

const TICK_MS = 1_000;
/** A pipeline that is only heard is forgotten when it has been silent for so long. */
const FORGET_MS = 10 * 60_000;
const MAX_PIPELINES = 1_000;

export interface FleetOptions {
  hub: Hub;
  natsUrl: string;
  host: Host;
  log: Logger;
  /** Null where pipelines cannot be created, and nothing is kept. */
  library: PipelineFiles | null;
  /** Pipelines that are known from files of somebody else. */
  files: readonly { file: string; spec: PipelineSpec }[];
}

/** Every pipeline that control knows or hears of on its broker. It decides nothing of the data: it asks and shows. */
export class Fleet {
  readonly events: EventLog;
  readonly verifications: Verifications;
  readonly #options: FleetOptions;
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #listeners = new Set<(summary: Summary) => void>();
  readonly #timer: NodeJS.Timeout;
  readonly #stops: (() => void)[];
  #stopped = false;
  #connected = true;

  private constructor(options: FleetOptions, verifications: Verifications) {
    const { library, log } = options;
    this.#options = options;
    this.verifications = verifications;
    this.events = new EventLog(library && new EventFile(library.eventFile, log));
    const { control } = options.hub;
    this.#stops = [
      watchStatus(control, null, (status) => {
        this.#heard(status.pipeline)?.onStatus(status, Date.now());
      }),
      watchConnection(control, (connected) => (this.#connected = connected)),
    ];
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  static async open(options: FleetOptions): Promise<Fleet> {
    const { host, library, log } = options;
    const files = library && new ComparisonFiles(library.stateDirectory, log);
    const fleet = new Fleet(options, await Verifications.open(host, files));
    for (const { file, spec } of options.files) fleet.#put(spec.name, { kind: 'file', file, spec });
    for (const name of (await library?.names()) ?? []) {
      const file = library!.fileOf(name);
      let spec: PipelineSpec | null = null;
      try {
        spec = fleet.#parse(await readFile(file, 'utf8'), file);
      } catch (error) {
        log.error({ file, reason: toWeirError(error).message }, 'the file of a pipeline is wrong');
      }
      const pipeline = fleet.#put(name, { kind: 'created', file, spec });
      // What happened while nobody watched is not among the events: that it is so is.
      pipeline.tell('service', 'info', 'control was started and watches it again');
      if ((await library!.recall(name)).runsHere && spec !== null) {
        pipeline.hasRun = true;
        fleet.#run(pipeline);
      }
    }
    return fleet;
  }

  get mayCreate(): boolean {
    return this.#options.library !== null && this.#options.host.run !== null;
  }

  get brokerReachable(): boolean {
    return this.#connected;
  }

  /** Set while the state folder refuses: one sentence. */
  get stateProblem(): string | null {
    return this.#options.library?.problem ?? null;
  }

  get hub(): Hub {
    return this.#options.hub;
  }

  get host(): Host {
    return this.#options.host;
  }

  list(): Pipeline[] {
    return [...this.#pipelines.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  /** Throws NOT_FOUND. */
  get(name: string): Pipeline {
    const found = this.#pipelines.get(name);
    if (found !== undefined) return found;
    throw new WeirError(
      'NOT_FOUND',
      `there is no pipeline ${name} here: it was not created, and none of its services is connected to this broker`,
    );
  }

  /** Reads and checks the text of a pipeline file as it would be created. */
  parse(text: string): PipelineSpec {
    return this.#parse(text, 'the file');
  }

  async create(text: string, by: string | null): Promise<Pipeline> {
    const { library } = this.#options;
    if (library === null)
      throw new WeirError(
        'NOT_SUPPORTED',
        'pipelines cannot be created here; start `weir control --state DIR` for that',
      );
    const spec = this.parse(text);
    const known = this.#pipelines.get(spec.name);
    if (known !== undefined && known.origin.kind !== 'heard') throw taken(spec.name);
    if (!(await library.add(spec.name, text))) throw taken(spec.name);
    const origin = { kind: 'created', file: library.fileOf(spec.name), spec } as const;
    const pipeline = this.#put(spec.name, origin);
    pipeline.tell('action', 'info', 'created', by);
    return pipeline;
  }

  /** Carries out what somebody asks for; the pipeline follows within seconds. Throws STATE_CONFLICT with why not. */
  async act(
    name: string,
    action: Exclude<Action, 'verify' | 'delete'>,
    by: string | null,
  ): Promise<Pipeline> {
    const pipeline = this.get(name);
    this.#allow(pipeline, action);
    await this.#busy(pipeline, action, async () => {
      const { condition } = pipeline.facts(Date.now());
      await this.#carryOut(pipeline, action, condition);
    });
    pipeline.tell('action', 'info', DONE[action], by);
    return pipeline;
  }

  /** Removes what the pipeline has made, unless it is only to be forgotten, and then its file. */
  async delete(name: string, forget: boolean, by: string | null): Promise<void> {
    const pipeline = this.get(name);
    this.#allow(pipeline, 'delete');
    await this.#busy(pipeline, 'delete', async () => {
      if (!forget && pipeline.origin.spec !== null)
        await this.#options.host.reset(pipeline.origin.spec);
      await this.#options.library?.remove(name);
      await this.verifications.forget(name);
      this.#pipelines.delete(name);
    });
    pipeline.tell('action', 'info', forget ? 'forgotten; what it made stays' : 'deleted', by);
  }

  /** Throws STATE_CONFLICT where it may not be asked now. */
  allow(name: string, action: Action): Pipeline {
    const pipeline = this.get(name);
    this.#allow(pipeline, action);
    return pipeline;
  }

  /** Calls back with the summary of each pipeline, once a second; returns how to stop. */
  listen(listener: (summary: Summary) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends what was started here; it goes on when control is started again. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    for (const stop of this.#stops) stop();
    this.verifications.stop();
    await Promise.all(this.list().map(async ({ run }) => run?.stop()));
  }

  async #carryOut(pipeline: Pipeline, action: Action, condition: Condition): Promise<void> {
    const { hub, host, log } = this.#options;
    const stands = condition === 'created' || condition === 'ended';
    switch (action) {
      case 'start':
        if (stands) {
          // Noted first: what cannot be noted is not begun.
          await this.#remember(pipeline, true);
          this.#run(pipeline);
          startRun(hub, pipeline.name, log);
          return;
        }
        return desire(hub, pipeline.name, 'running');
      case 'resume':
        return desire(hub, pipeline.name, 'running');
      case 'pause':
        return desire(hub, pipeline.name, 'paused');
      case 'stop':
        await stopRun(hub, pipeline, log);
        return this.#note(pipeline, false);
      case 'reset': {
        const { spec } = pipeline.origin;
        await this.#note(pipeline, false);
        await pipeline.run?.stop();
        if (spec !== null && (stands || pipeline.run !== null)) await host.reset(spec);
        else await host.resetByServices(pipeline.name);
        pipeline.run = null;
        pipeline.lastEnd = null;
        pipeline.hasRun = false;
        return pipeline.heard.forget();
      }
      case 'verify':
      case 'delete':
    }
  }

  #run(pipeline: Pipeline): void {
    const { host } = this.#options;
    const { file, spec } = pipeline.origin;
    if (host.run === null || file === null || spec === null) return;
    const run = host.run(file, spec, (line) => {
      process.stderr.write(`${line}\n`);
      if (line.startsWith('weir: ')) pipeline.tell('service', 'warning', line.slice(6));
    });
    pipeline.run = run;
    pipeline.lastEnd = null;
    pipeline.hasRun = true;
    run.ended
      .then(async (end) => {
        if (this.#stopped || pipeline.run !== run) return;
        await run.stop();
        pipeline.run = null;
        pipeline.lastEnd = end;
        pipeline.heard.forget();
        await this.#note(pipeline, false);
      })
      .catch((error: unknown) => {
        // Whatever it is, it is about one pipeline.
        const { code, message } = toWeirError(error);
        this.#options.log.error(
          { pipeline: pipeline.name, code, reason: message },
          'its end was not seen to',
        );
        pipeline.tell('problem', 'error', message);
      });
  }

  /** Throws STATE_REFUSED where it cannot be noted. */
  async #remember({ name, origin }: Pipeline, runsHere: boolean): Promise<void> {
    if (origin.kind === 'created') await this.#options.library?.remember(name, { runsHere });
  }

  /** Of what has happened: where it cannot be noted now, it is noted later. */
  async #note(pipeline: Pipeline, runsHere: boolean): Promise<void> {
    const { library, log } = this.#options;
    if (pipeline.origin.kind !== 'created' || library === null) return;
    await library.note(pipeline.name, { runsHere });
    if (library.problem === null) return;
    log.error(
      { pipeline: pipeline.name, reason: library.problem },
      'what a pipeline does is not noted yet',
    );
    pipeline.tell('problem', 'error', library.problem);
  }

  #allow(pipeline: Pipeline, action: Action): void {
    const step = transition(pipeline.facts(Date.now()), action);
    if ('refused' in step)
      throw new WeirError('STATE_CONFLICT', `${pipeline.name}: ${action}: ${step.refused}`);
  }

  async #busy(pipeline: Pipeline, action: Action, work: () => Promise<void>): Promise<void> {
    pipeline.busy = action;
    try {
      await work();
    } finally {
      pipeline.busy = null;
    }
  }

  #parse(text: string, file: string): PipelineSpec {
    const { host, natsUrl } = this.#options;
    const spec = host.parse(text, file);
    const named = spec.nats.url?.reveal();
    if (named !== undefined && named !== natsUrl)
      throw new WeirError(
        'CONFIG_INVALID',
        `${file}: nats.url is another NATS server than the one of this control (${hostsOf(natsUrl)}); leave it out`,
      );
    return spec;
  }

  #heard(name: string): Pipeline | null {
    const known = this.#pipelines.get(name);
    if (known !== undefined) return known;
    if (this.#pipelines.size >= MAX_PIPELINES) return null;
    return this.#put(name, { kind: 'heard', file: null, spec: null });
  }

  #put(name: string, origin: Pipeline['origin']): Pipeline {
    const known = this.#pipelines.get(name);
    if (known !== undefined) {
      known.origin = origin;
      return known;
    }
    const mayRun = this.#options.host.run !== null;
    const pipeline = new Pipeline(name, origin, { mayRun, events: this.events });
    this.#pipelines.set(name, pipeline);
    return pipeline;
  }

  #tick(): void {
    const nowMs = Date.now();
    const { library } = this.#options;
    if (library !== null && library.problem !== null) detach(library.noteAgain(), ignoreFailure);
    for (const pipeline of this.list()) {
      const silentMs = nowMs - (pipeline.heard.lastMs ?? nowMs);
      if (pipeline.origin.kind === 'heard' && silentMs > FORGET_MS)
        this.#pipelines.delete(pipeline.name);
      const summary = pipeline.tick(nowMs);
      for (const listener of this.#listeners) listener(summary);
    }
  }
}

const DONE = {
  start: 'start requested',
  pause: 'pause requested',
  resume: 'resume requested',
  stop: 'stop requested',
  reset: 'was reset; the data stays',
} as const;

function taken(name: string): WeirError {
  return new WeirError(
    'STATE_CONFLICT',
    `there is a pipeline ${name} already; give this one another name, or delete that one`,
  );
}
