import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { createShop, SHOP_TABLES } from '../../infra/demo/shop.ts';
import {
  startNats,
  type NatsServerProcess,
} from '../../services/supervisor/embedded/nats-server.ts';
import { waitUntilCaughtUp } from '../../services/supervisor/caught-up.ts';
import { connectHub } from '../../shared/hub/hub.ts';
import { countRows } from '../support/shop-pipeline.ts';
import { queryPostgres, type TestPostgres } from '../support/servers.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { differences } from './end-state.ts';
import { FaultService, type LogLine } from './fault-service.ts';
import type { WatchedProcess } from './resident-watch.ts';
import { SteadyShop } from './steady-shop.ts';
import {
  createWitness,
  forgetSeenVersions,
  versionsThatWentBack,
  Witness,
  WITNESS_TABLES,
} from './witness.ts';

export interface FaultPipelineOptions {
  source: TestPostgres;
  target: TestPostgres;
  seed: number;
  writers?: number;
  /** None unless `spec` has transforms. */
  transformers?: number;
  /** Rows of the shop before it starts. */
  rows?: number;
  ratePerSecond?: number;
  /** Makes more at either end before anything starts. */
  before?: (sourceUrl: string, targetUrl: string) => Promise<unknown>;
  /** For the services. */
  env?: Record<string, string>;
  /** Whatever else the pipeline file should say. */
  spec?: Record<string, unknown>;
}

export interface Wires {
  source: TcpProxy;
  target: TcpProxy;
  nats: TcpProxy;
}

const CATCH_UP_MS = 120_000;
let made = 0;

/**
 * A pipeline of single processes between databases of its own, over a broker of its own, each behind a proxy, with
 * everything written to at the source the whole time. Only the test kills, stops and starts; at the end `finish`
 * says whether anything was lost, came twice, or went back.
 */
export class FaultPipeline {
  readonly seed: number;
  readonly name: string;
  readonly sourceUrl: string;
  readonly targetUrl: string;
  readonly nats: NatsServerProcess;
  readonly wires: Wires;
  readonly reader: FaultService;
  readonly writers: FaultService[];
  readonly transformers: FaultService[];
  readonly #shop: SteadyShop;
  readonly #witness: Witness;

  private constructor(
    options: FaultPipelineOptions,
    made: Pick<FaultPipeline, 'name' | 'sourceUrl' | 'targetUrl' | 'nats' | 'wires'>,
    file: string,
  ) {
    this.seed = options.seed;
    this.name = made.name;
    this.sourceUrl = made.sourceUrl;
    this.targetUrl = made.targetUrl;
    this.nats = made.nats;
    this.wires = made.wires;
    const env = {
      ...options.env,
      WEIR_NATS_URL: made.wires.nats.urlFor(made.nats.url),
      WEIR_LOG_LEVEL: 'debug',
    };
    this.reader = new FaultService('source-reader', file, env);
    this.writers = Array.from(
      { length: options.writers ?? 2 },
      () => new FaultService('target-writer', file, env),
    );
    this.transformers = Array.from(
      { length: options.transformers ?? 0 },
      () => new FaultService('transformer', file, env),
    );
    this.#shop = new SteadyShop(made.sourceUrl, options.ratePerSecond ?? 250, options.seed);
    this.#witness = new Witness(made.sourceUrl, options.seed);
  }

  /** Everything is removed after the test, however it ends. */
  static async start(options: FaultPipelineOptions): Promise<FaultPipeline> {
    const name = `faults-${process.pid}-${++made}`;
    const { source, target } = options;
    const [sourceUrl, targetUrl] = [await source.createDatabase(), await target.createDatabase()];
    await createShop(sourceUrl, options.rows ?? 3_000);
    await createWitness(sourceUrl, targetUrl);
    await options.before?.(sourceUrl, targetUrl);
    const nats = await startNats();
    onTestFinished(() => nats.stop());
    const wires: Wires = {
      source: await TcpProxy.listen(source.server.port),
      target: await TcpProxy.listen(target.server.port),
      nats: await TcpProxy.listen(nats.port),
    };
    for (const wire of Object.values(wires) as TcpProxy[]) onTestFinished(() => wire.close());
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-faults-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = path.join(folder, 'pipeline.yaml');
    const ends = {
      source: { url: wires.source.urlFor(sourceUrl) },
      target: { url: wires.target.urlFor(targetUrl) },
    };
    // JSON is YAML.
    await writeFile(file, JSON.stringify({ name, ...ends, ...options.spec }));
    const pipeline = new FaultPipeline(options, { name, sourceUrl, targetUrl, nats, wires }, file);
    // First of all to go: nothing may write while what it writes to is taken away.
    onTestFinished(() => pipeline.#end());
    for (const service of pipeline.services) service.start();
    return pipeline;
  }

  get services(): FaultService[] {
    return [this.reader, ...this.writers, ...this.transformers];
  }

  /** The services and the broker. */
  get processes(): WatchedProcess[] {
    return [
      ...this.services.map((service) => ({ name: service.name, pid: () => service.pid })),
      { name: 'nats-server', pid: () => this.nats.pid },
    ];
  }

  get kills(): number {
    return this.services.reduce((sum, service) => sum + service.kills, 0);
  }

  /** Until the copy is in; from then on no version may go back. */
  async untilFollowing(): Promise<void> {
    await this.told('the copy is in', async () => {
      const pending = await this.countAtTarget(
        `SELECT count(*) FROM weir.namespace WHERE NOT ready`,
      );
      const known = await this.countAtTarget(`SELECT count(*) FROM weir.namespace`);
      return known > 0 && pending === 0;
    });
    await this.progresses();
    await forgetSeenVersions(this.targetUrl);
  }

  /** Until changes made from now on have arrived through every lane; gives how long that took. */
  async progresses(timeoutMs = 60_000): Promise<number> {
    const startedAtMs = performance.now();
    await queryPostgres(this.sourceUrl, 'UPDATE faults.probes SET n = n + 1');
    const [row] = await queryPostgres(this.sourceUrl, 'SELECT min(n)::int AS n FROM faults.probes');
    const wanted = Number(row?.['n']);
    await this.told(
      'changes come through every lane',
      async () => (await this.countAtTarget('SELECT min(n) FROM faults.probes')) >= wanted,
      timeoutMs,
    );
    return performance.now() - startedAtMs;
  }

  /** Waits; a failure says the seed and what the services said last. */
  async told(what: string, probe: () => Promise<boolean>, timeoutMs = 90_000): Promise<void> {
    try {
      await waitFor(what, async () => this.#checkServices() && (await probe()), { timeoutMs });
    } catch (error) {
      throw new Error(`${String(error)}\n${this.#story()}`, { cause: error });
    }
  }

  countAtTarget(query: string): Promise<number> {
    return countRows(this.targetUrl, query);
  }

  /** Lines of any life of any service. */
  logged(matches: (line: LogLine) => boolean): LogLine[] {
    return this.services.flatMap(({ log }) => log.filter(matches));
  }

  /**
   * Stops the writing, lets the target catch up, ends the services in order, and throws where anything differs, came
   * twice or went back, or a service ended by itself.
   */
  async finish(): Promise<void> {
    await Promise.all([this.#shop.stop(), this.#witness.stop()]);
    const hub = await connectHub({ url: this.nats.url, name: 'faults' });
    try {
      const caughtUp = await waitUntilCaughtUp(hub, this.name, AbortSignal.timeout(CATCH_UP_MS));
      if (!caughtUp) throw new Error(`the target did not catch up\n${this.#story()}`);
    } finally {
      await hub.close();
    }
    const codes = await Promise.all(this.services.map((service) => service.stop()));
    const found = [
      ...this.services.flatMap(({ unasked }) => unasked),
      ...codes.flatMap((code) => (code === 0 ? [] : [`a service stopped with ${String(code)}`])),
      ...(await differences(this.sourceUrl, this.targetUrl, [
        ...Object.keys(SHOP_TABLES),
        ...WITNESS_TABLES,
      ])),
      ...(await versionsThatWentBack(this.targetUrl)),
    ];
    if (found.length > 0) throw new Error(`${found.join('\n')}\n${this.#story()}`);
  }

  #checkServices(): true {
    const ended = this.services.flatMap(({ unasked }) => unasked);
    if (ended.length > 0) throw new Error(ended.join('; '));
    return true;
  }

  async #end(): Promise<void> {
    for (const service of this.services) if (service.running) await service.kill();
    for (const wire of Object.values(this.wires) as TcpProxy[]) {
      wire.release();
      wire.cut();
    }
    // Where the test has failed, its reason is the one to tell.
    await Promise.allSettled([this.#shop.stop(), this.#witness.stop()]);
  }

  #story(): string {
    const lines = this.services
      .flatMap(({ name, log, pid }) => log.map((line) => ({ name, pid, line })))
      .filter(({ line }) => line.level !== 'debug')
      .map(
        ({ name, line }) =>
          `${String(line['time']).slice(14, 23)} ${name} ${line.level}: ${line.msg} ${line.code ?? ''} ${line.reason ?? ''} ${line.lane ?? ''}`,
      )
      .sort();
    return `seed ${this.seed}; the services said last:\n${lines.slice(-40).join('\n')}`;
  }
}
