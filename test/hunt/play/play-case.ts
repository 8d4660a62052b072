import { differences } from '../judge/compare-dumps.ts';
import { copyDatabase, dumpDatabase, dumpStructure, type Dump } from '../judge/pg-dump.ts';
import type { Verdict } from '../judge/verdict.ts';
import { isAllowed } from '../allowed-refusals.ts';
import type { HuntCase, PipelineOptions, Statement, Step } from '../hunt-case.ts';
import type { HuntServers } from './hunt-servers.ts';
import { parseSaid, type Said } from './said.ts';
import { Stage } from './stage.ts';
import { advisedStatements } from './advice.ts';
import { checkFile } from './check-file.ts';
import { awaitCaughtUp } from './await-caught-up.ts';
import { InProcessRun } from './in-process-run.ts';
import { ProcessRun } from './process-run.ts';
import { endWithin, says, type Run } from './run.ts';

export interface Played {
  verdict: Verdict;
  /** All that `weir` printed, run by run. */
  output: string;
  taken: number;
  refused: number;
  refusals: string[];
}

const COPY_MS = 60_000;
const CATCH_UP_MS = 120_000;
const STOP_MS = 60_000;
/** So often a stop is answered with what it advises. */
const MAX_ADVICE = 4;

/** Plays a case once on databases of its own and says how it ended. */
export async function playCase(found: HuntCase, servers: HuntServers): Promise<Played> {
  const stage = await Stage.open(found, servers);
  const player = new Player(found, stage);
  try {
    const verdict = await player.play();
    await player.end();
    return { verdict, ...player.told() };
  } finally {
    await player.end();
    await stage.close();
  }
}

class Player {
  readonly #case: HuntCase;
  readonly #stage: Stage;
  readonly #outputs: string[] = [];
  readonly #counts = { taken: 0, refused: 0, refusals: [] as string[] };
  #pipeline: PipelineOptions;
  #running: Run | undefined;
  #before: Dump | undefined;
  #told: string[] = [];
  #notCarried: string[] = [];
  #carried: string[] = [];

  constructor(found: HuntCase, stage: Stage) {
    this.#case = found;
    this.#stage = stage;
    this.#pipeline = found.pipeline;
  }

  told(): Omit<Played, 'verdict'> {
    return { output: this.#outputs.join('\n----\n'), ...this.#counts };
  }

  async end(): Promise<void> {
    if (this.#running?.running === true) this.#running.kill('all');
    await this.#ended();
  }

  async play(): Promise<Verdict> {
    const { schema, rows, target, steps } = this.#case;
    await this.#prepare(schema);
    await this.#sql(rows, 'each');
    const follows = this.#pipeline.mode === 'changes';
    if (follows || this.#case.isPrepared) await this.#prepareTarget(follows ? 'all' : 'structure');
    await this.#sql(target, 'each', 'target');
    await this.#stage.writeFile(this.#pipeline);
    this.#before = await dumpDatabase(this.#url('source'));
    const checked = await checkFile(this.#stage.file);
    this.#told = checked.told;
    this.#notCarried = checked.notCarried;
    this.#carried = checked.namespaces;
    for (const step of steps) {
      const stuck = await this.#step(step);
      if (stuck !== undefined) return stuck;
    }
    const stuck = await this.#stop();
    return stuck ?? (await this.#finish());
  }

  /** Only a superuser makes most extensions. */
  async #prepare(schema: readonly Statement[]): Promise<void> {
    const isForSuperuser = ({ sql }: Statement): boolean => /^CREATE (EXTENSION|SERVER|SCHEMA IF NOT EXISTS ext|FOREIGN|EVENT)/.test(sql); // prettier-ignore
    const [admin, owner] = [await this.#stage.session('source', true), await this.#stage.session('source')]; // prettier-ignore
    try {
      for (const statement of schema) await (isForSuperuser(statement) ? admin : owner).each([statement]); // prettier-ignore
    } finally {
      for (const session of [admin, owner]) {
        this.#count(session);
        await session.close();
      }
    }
  }

  async #prepareTarget(what: 'structure' | 'all'): Promise<void> {
    if (what === 'all') return copyDatabase(this.#url('source'), this.#stage.urls.target);
    const structure = await dumpStructure(this.#url('source'));
    const session = await this.#stage.session('target', !this.#case.roles.target);
    try {
      await session.each([{ sql: structure }]);
    } finally {
      this.#count(session);
      await session.close();
    }
  }

  async #step(step: Step): Promise<Verdict | undefined> {
    switch (step.do) {
      case 'sql':
        await this.#sql(step.statements, step.end === 'prepare' ? `PREPARE TRANSACTION '${this.#stage.preparedName(step.name)}'` : step.end); // prettier-ignore
        return undefined;
      case 'finish prepared':
        await this.#stage.finishPrepared(step.name, step.end);
        return undefined;
      case 'network':
        this.#stage.network?.disturb(step);
        return undefined;
      case 'start':
        if (this.#running?.running === true) return undefined;
        this.#start(false);
        return this.#pipeline.mode === 'changes' ? this.#awaitFollowing() : undefined;
      case 'await catch-up':
        return this.#awaitCatchUp();
      case 'await copy': {
        // A slot waits for them.
        await this.#stage.finishPrepared();
        if (this.#pipeline.mode === 'changes') return undefined;
        const run = this.#running;
        if (run === undefined || (await says(run, 'copy is in the target', COPY_MS)) || !run.running) return undefined; // prettier-ignore
        return hangs('the copy does not come to its end', run.output.text);
      }
      case 'pause':
        await new Promise((resolve) => setTimeout(resolve, step.ms));
        return undefined;
      case 'kill':
        this.#running?.kill(step.who);
        if (step.who === 'all') await this.#ended();
        return undefined;
      case 'stop':
        return this.#stop();
      case 'wipe broker':
        await this.#stage.servers.nats.wipe();
        return undefined;
      case 'edit':
        this.#pipeline = { ...this.#pipeline, ...step.pipeline };
        await this.#stage.writeFile(this.#pipeline);
        return undefined;
    }
  }

  /** Only what happens after it is followed. */
  async #awaitFollowing(): Promise<Verdict | undefined> {
    await this.#stage.finishPrepared();
    const run = this.#running!;
    if ((await says(run, 'reader epoch began', COPY_MS)) || !run.running) return undefined;
    return hangs('it does not begin to follow', run.output.text);
  }

  /** The same run, as nobody is there to start another one. */
  async #awaitCatchUp(): Promise<Verdict | undefined> {
    const run = this.#running;
    if (run === undefined) return undefined;
    await this.#stage.finishPrepared();
    await this.#stage.network?.mended();
    const { name, servers } = this.#stage;
    if (await awaitCaughtUp(run, servers.nats.url, name, CATCH_UP_MS)) return undefined;
    return hangs('the same run does not catch up', run.output.text);
  }

  /** A case in which something is killed needs processes. */
  #start(until: boolean): Run {
    const { file, folder } = this.#stage;
    const env = { XDG_STATE_HOME: folder };
    this.#running = this.#case.steps.some((step) => step.do === 'kill')
      ? new ProcessRun(file, until ? ['--until', 'caught-up'] : [], env)
      : new InProcessRun(file, until);
    return this.#running;
  }

  async #ended(): Promise<void> {
    const run = this.#running;
    this.#running = undefined;
    if (run !== undefined) this.#outputs.push((await run.ended).output);
  }

  async #stop(): Promise<Verdict | undefined> {
    const run = this.#running;
    if (run === undefined) return undefined;
    run.interrupt();
    const end = await endWithin(run, STOP_MS);
    await this.#ended();
    return end === undefined ? hangs('does not end after SIGTERM', run.output.text) : undefined;
  }

  /** Catches up, following what stops advise, and compares. */
  async #finish(): Promise<Verdict> {
    await this.#stage.finishPrepared();
    await this.#stage.network?.mended();
    for (let advice = 0; ; advice++) {
      const run = this.#start(true);
      const end = await endWithin(run, CATCH_UP_MS);
      await this.#ended();
      const defects = this.#outputs.flatMap((output) => parseSaid(output).defects);
      if (defects.length > 0) return { is: 'failed', why: 'internal error', details: defects.slice(0, 5) }; // prettier-ignore
      if (end === undefined) return hangs('does not catch up', run.output.text);
      const said = parseSaid(end.output);
      if (end.code === 0) return this.#compare();
      if (advice < MAX_ADVICE && (await this.#followAdvice(said))) continue;
      return this.#refused(said);
    }
  }

  async #compare(): Promise<Verdict> {
    const told = [...this.#told, ...this.#outputs.flatMap((output) => parseSaid(output).told)];
    const [source, target] = await Promise.all([
      dumpDatabase(this.#url('source')),
      dumpDatabase(this.#url('target'), ['weir']),
    ]);
    const details = differences({
      empty: this.#stage.servers.empty,
      before: this.#before!,
      source,
      target,
      changes: this.#changes(),
      told,
      notCarried: this.#notCarried,
      pipeline: this.#pipeline,
      isPrepared: this.#case.isPrepared,
      isOlder: this.#stage.servers.versions.target < this.#stage.servers.versions.source,
      only: this.#case.steps.some((step) => step.do === 'edit') || this.#case.pipeline.namespaces !== undefined ? this.#carried : null, // prettier-ignore
    });
    return details.length === 0 ? { is: 'equal' } : { is: 'failed', why: 'different', details };
  }

  /** Runs what a stop asks for, where that is a statement; false where there is none, or it fails. */
  async #followAdvice(said: Said): Promise<boolean> {
    const messages = said.refusals.length > 0 ? said.refusals : [{ part: 'target', message: said.reason ?? '' }]; // prettier-ignore
    const advised = messages.flatMap(({ part, message }) => advisedStatements(message, this.#using()).map((sql) => ({ part, sql }))); // prettier-ignore
    for (const { part, sql } of advised) {
      const session = await this.#stage.session(part === 'source' ? 'source' : 'target', true);
      try {
        await session.run(sql);
        this.#outputs.push(`advice followed at the ${part}: ${sql}`);
      } catch (error) {
        this.#outputs.push(`advice failed at the ${part}: ${sql}: ${String(error)}`);
        return false;
      } finally {
        await session.close();
      }
    }
    return advised.length > 0;
  }

  /** What the last change of a type was made with. */
  #using(): string {
    return this.#changes().reduce((last, sql) => / USING .*/s.exec(sql)?.[0] ?? last, '');
  }

  #changes(): string[] {
    return this.#case.steps.flatMap((step) =>
      step.do === 'sql' ? step.statements.map(({ sql }) => sql) : [],
    );
  }

  #refused(said: Said): Verdict {
    const isCheck = said.refusals.length > 0;
    const code = isCheck ? 'check' : (said.code ?? 'no code');
    const message = isCheck ? said.refusals.map((each) => each.message).join(' | ') : (said.reason ?? ''); // prettier-ignore
    if (isAllowed(this.#case, code, message)) return { is: 'refused', code, message };
    const failed = this.#outputs.filter((output) => output.startsWith('advice'));
    return { is: 'failed', why: failed.length > 0 ? 'advice does not help' : 'refused for no reason', details: [`${code}: ${message}`, ...failed] }; // prettier-ignore
  }

  #url(end: 'source' | 'target'): string {
    return this.#stage.servers[end].urlOf(this.#stage[end]);
  }

  async #sql(
    statements: readonly Statement[],
    end: string,
    at: 'source' | 'target' = 'source',
  ): Promise<void> {
    if (statements.length === 0) return;
    const session = await this.#stage.session(at);
    try {
      if (end === 'each') await session.each(statements);
      else await session.together(statements, end);
    } finally {
      this.#count(session);
      await session.close();
    }
  }

  #count({
    taken,
    refused,
    refusals,
  }: {
    taken: number;
    refused: number;
    refusals: string[];
  }): void {
    // prettier-ignore
    this.#counts.taken += taken;
    this.#counts.refused += refused;
    this.#counts.refusals.push(...refusals);
  }
}

function hangs(what: string, output: string): Verdict {
  return { is: 'failed', why: 'hangs', details: [what, ...output.split('\n').slice(-8)] };
}
