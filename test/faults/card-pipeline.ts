import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { serveConnector } from '../../services/connector-server/connector-server.ts';
import { waitUntilCaughtUp } from '../../services/supervisor/caught-up.ts';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import {
  type NatsServerProcess,
  startNats,
} from '../../services/supervisor/embedded/nats-server.ts';
import { connectHub } from '../../shared/hub/hub.ts';
import { askTarget } from '../../shared/hub/ask.ts';
import { CardDatabase } from '../conformance/card-store/card-database.ts';
import { createCardStore } from '../conformance/card-store/card-served.ts';
import { queryPostgres, type TestPostgres } from '../support/servers.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { FaultService } from './fault-service.ts';

export const FORBIDDEN = 'forbidden';
const TABLE = 'public.item';
const CATCH_UP_MS = 120_000;
let made = 0;

/**
 * A pipeline of single processes from PostgreSQL to the cards, which this process serves over gRPC, each end behind a
 * proxy, with rows written at the source the whole time. Nothing of Weir knows this store.
 */
export class CardPipeline {
  readonly name = `cards-${process.pid}-${++made}`;
  readonly cards = new CardDatabase();
  readonly reader: FaultService;
  readonly writers: FaultService[];
  readonly nats: NatsServerProcess;
  readonly wires: { target: TcpProxy; nats: TcpProxy };
  readonly #source: string;
  readonly #writing = new AbortController();
  #written: Promise<void> = Promise.resolve();

  private constructor(
    source: string,
    nats: NatsServerProcess,
    wires: CardPipeline['wires'],
    folder: string,
  ) {
    this.#source = source;
    this.nats = nats;
    this.wires = wires;
    const file = path.join(folder, 'pipeline.yaml');
    const env = {
      WEIR_NATS_URL: wires.nats.urlFor(nats.url),
      WEIR_LOG_LEVEL: 'debug',
      WEIR_STATE_DIR: path.join(folder, 'state'),
    };
    this.reader = new FaultService('source-reader', file, env);
    this.writers = [1, 2].map(() => new FaultService('target-writer', file, env));
  }

  /** The writers are started by the test. */
  static async start(source: TestPostgres, seed: number): Promise<CardPipeline> {
    const url = await source.createDatabase();
    await queryPostgres(url, 'CREATE TABLE item (id bigint PRIMARY KEY, name text)');
    await queryPostgres(
      url,
      "INSERT INTO item SELECT i, 'first ' || i FROM generate_series(1, 3000) i",
    );
    const nats = await startNats();
    onTestFinished(() => nats.stop());
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-cards-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const pipeline = await CardPipeline.#wired(url, nats, folder);
    onTestFinished(() => pipeline.#end());
    pipeline.#written = pipeline.#write(seed);
    pipeline.reader.start();
    return pipeline;
  }

  static async #wired(url: string, nats: NatsServerProcess, folder: string): Promise<CardPipeline> {
    const wires = { nats: await TcpProxy.listen(nats.port) } as CardPipeline['wires'];
    const pipeline = new CardPipeline(url, nats, wires, folder);
    await pipeline.cards.makeBox(
      TABLE,
      new Map([
        ['id', 'whole'],
        ['name', 'words'],
      ]),
    );
    const connector = {
      store: createCardStore(pipeline.cards),
      kind: 'cards',
      version: '1',
      takesAny: false,
    };
    const server = await serveConnector({
      connector,
      listen: '127.0.0.1:0',
      access: { tls: null, token: null },
      protoFolder: path.join(projectRoot(), 'proto'),
    });
    onTestFinished(() => server.stop());
    wires.target = await TcpProxy.listen(Number(server.address.split(':')[1]));
    for (const wire of Object.values(wires)) onTestFinished(() => wire.close());
    const target = { url: wires.target.urlFor(`grpc://${server.address}`) };
    const spec = {
      name: pipeline.name,
      source: { url, namespaces: [TABLE] },
      target,
      onBadRow: 'park',
    };
    // JSON is YAML.
    await writeFile(path.join(folder, 'pipeline.yaml'), JSON.stringify(spec));
    return pipeline;
  }

  get services(): FaultService[] {
    return [this.reader, ...this.writers];
  }

  /** Until a change that is made now is at the target, so that all in its lane before it is. */
  async progresses(): Promise<void> {
    const mark = `mark ${performance.now()}`;
    await queryPostgres(this.#source, 'UPDATE item SET name = $1 WHERE id <= 40', [mark]);
    const has = (): boolean =>
      Array.from({ length: 40 }, (_, i) => this.cards.box(TABLE).cards.get(`["${i + 1}"]`)).every(
        (card) => card?.['name'] === mark,
      );
    await waitFor(
      'changes come to the cards',
      () => {
        this.#requireAlive();
        return Promise.resolve(has());
      },
      { timeoutMs: 90_000 },
    );
  }

  /** Rows that no card may say, and later changes of their keys. */
  async writeForbidden(): Promise<void> {
    for (const name of [FORBIDDEN, 'then something else', FORBIDDEN])
      await queryPostgres(
        this.#source,
        'INSERT INTO item SELECT i, $1 FROM generate_series(100001, 100020) i ON CONFLICT (id) DO UPDATE SET name = $1',
        [name],
      );
  }

  /** How many entries are parked. */
  parked(): Promise<number> {
    return this.#withHub(async (hub) => {
      const progress = await askTarget(hub.control, this.name, { op: 'progress' });
      return progress?.parked[TABLE]?.entries ?? 0;
    });
  }

  /** A page of all there are. */
  async replay(): Promise<void> {
    const request = { op: 'replay' as const, selection: { kind: 'all' as const } };
    await this.#withHub((hub) =>
      askTarget(hub.control, this.name, { ...request, after: 0, until: null }),
    );
  }

  /** Stops the writing and lets the target catch up. */
  async finish(): Promise<void> {
    await this.#stopWriting();
    const caughtUp = await this.#withHub((hub) =>
      waitUntilCaughtUp(hub, this.name, AbortSignal.timeout(CATCH_UP_MS)),
    );
    if (!caughtUp) throw new Error('the cards did not catch up');
  }

  /** What differs between the rows of the source and the cards. */
  async differences(): Promise<string[]> {
    this.#requireAlive();
    const rows = await queryPostgres(this.#source, 'SELECT id::text, name FROM item');
    const cards = new Map(
      [...this.cards.box(TABLE).cards.values()].map(({ id, name }) => [String(id), name]),
    );
    const found = rows.flatMap(({ id, name }) => {
      const there = cards.get(id as string);
      cards.delete(id as string);
      return there === name
        ? []
        : [`${String(id)}: ${String(name)}, and the card: ${String(there)}`];
    });
    return [...found, ...[...cards.keys()].map((id) => `${id}: a card without a row`)];
  }

  #requireAlive(): void {
    const ended = this.services.flatMap(({ unasked }) => unasked);
    if (ended.length > 0) throw new Error(ended.join('; '));
  }

  async #withHub<T>(work: (hub: Awaited<ReturnType<typeof connectHub>>) => Promise<T>): Promise<T> {
    const hub = await connectHub({ url: this.nats.url, name: 'cards' });
    try {
      return await work(hub);
    } finally {
      await hub.close();
    }
  }

  /** A few rows at a time, keys again and again. */
  async #write(seed: number): Promise<void> {
    const { signal } = this.#writing;
    for (let n = seed; !signal.aborted; n++) {
      const id = 1 + ((n * 7919) % 4000);
      await queryPostgres(
        this.#source,
        `INSERT INTO item SELECT i, $1 FROM generate_series($2::int, $2::int + 5) i WHERE i > 40
         ON CONFLICT (id) DO UPDATE SET name = excluded.name`,
        [`version ${n}`, id],
      );
      if (n % 3 === 0)
        await queryPostgres(this.#source, 'DELETE FROM item WHERE id = $1 AND id > 40', [id + 2]);
    }
  }

  async #stopWriting(): Promise<void> {
    this.#writing.abort();
    await this.#written;
  }

  async #end(): Promise<void> {
    for (const service of this.services) if (service.running) await service.kill();
    for (const wire of Object.values(this.wires)) {
      wire.release();
      wire.cut();
    }
    await Promise.allSettled([this.#stopWriting()]);
  }
}
