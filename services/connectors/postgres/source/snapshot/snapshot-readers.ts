import type pg from 'pg';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { TUPLES } from '../../../../../shared/connector/data-type.ts';
import type { ChunkReceiver } from '../../../../../shared/connector/source.ts';
import type { Chunk } from '../../../../../shared/connector/chunk.ts';
import { isAbort, WeirError } from '../../../../../shared/errors/weir-error.ts';
import { pause } from '../../../../../shared/lifecycle/backoff.ts';
import { abortReason, orAborted } from '../../connection/abort-reason.ts';
import { type ChunkCursor, copySql, isWhole, parseChunkCursor } from './chunk-plan.ts';
import { connect, describeServer, disconnect } from '../../connection/connection.ts';
import { copyOut } from './copy-out.ts';
import { CopiedTuples } from './copied-tuples.ts';
import { type LeafStamp, requireSameLeaf, writtenAnew } from './leaf-stamp.ts';
import { holdLeaves, tryLeaf, unlockLeaf } from './leaf-locks.ts';
import { formatNamespace, qualifiedName, quoteLiteral } from '../../connection/names.ts';
import { toPostgresError, toSourceError } from '../../connection/postgres-error.ts';

const RETRY_MS = 200;

export interface SnapshotReadersOptions {
  url: string;
  applicationName: string;
  /** The connection that exported the snapshot; kept open, and closed with the readers. */
  exporter: pg.Client;
  snapshot: string;
  /** Whether a stream tells what came after the snapshot. */
  isFollowed: boolean;
  /** What leaves are by now, whatever the snapshot shows. */
  stampsNow: (oids: readonly number[]) => Promise<ReadonlyMap<number, LeafStamp>>;
}

/**
 * Connections that all see the source as it was at one moment: one for each chunk read at once, then used again.
 *
 * A leaf is locked while a chunk of it is read, and compared with what it was in the snapshot before the first byte, so
 * that no row is read that the snapshot would not show. Where statements that would change a leaf are to wait for the whole
 * copy, one connection holds all leaves; when such a statement waits already, no other connection gets a lock any more,
 * and that one reads.
 */
export class SnapshotReaders {
  readonly #options: SnapshotReadersOptions;
  readonly #where: string;
  readonly #idle: pg.Client[] = [];
  readonly #busy = new Set<pg.Client>();
  readonly #gaveWay = new AbortController();
  /** As the snapshot shows them. */
  #stamps: ReadonlyMap<number, LeafStamp> = new Map();
  /** Leaves in another file than the snapshot's, and without a row that it sees. */
  readonly #emptied = new Set<number>();
  #holder: pg.Client | null = null;
  #wanted: (() => void)[] = [];
  #closed = false;

  constructor(options: SnapshotReadersOptions) {
    this.#options = options;
    this.#where = describeServer(options.url);
  }

  /** What the leaves are in the snapshot: only those can be read. */
  expect(stamps: ReadonlyMap<number, LeafStamp>): void {
    this.#stamps = stamps;
  }

  /** Locks leaves until the readers are closed; others may be at them, so it may take its time. */
  async hold(
    leaves: readonly { schema: string; name: string }[],
    signal: AbortSignal,
  ): Promise<void> {
    const names = leaves.map(({ schema, name }) => qualifiedName(schema, name));
    await this.use('locking the tables', async (client) => {
      while (!(await holdLeaves(client, names))) await wait(signal);
      this.#holder = client;
    });
  }

  /** Ends what is being read, for the sake of somebody who waits for it: the copy goes on under a new snapshot. */
  giveWay(reason: string): void {
    this.#gaveWay.abort(new WeirError('COPY_INTERRUPTED', `the copy gives way: ${reason}`));
  }

  async listData(
    relation: Relation,
    chunk: Chunk,
    receive: ChunkReceiver,
    outer: AbortSignal,
  ): Promise<{ rows: number }> {
    const signal = AbortSignal.any([outer, this.#gaveWay.signal]);
    const cursor = parseChunkCursor(chunk.cursor);
    const { schema, name, oid } = cursor;
    const read = this.#useLocked(qualifiedName(schema, name), relation, signal, async (client) => {
      // With the leaf locked: nothing that it asks for may wait for whoever waits for that lock.
      const stamps = oid === null ? null : await orAborted(this.#options.stampsNow([oid]), signal);
      const now = oid === null ? undefined : stamps?.get(oid);
      const before = oid === null ? undefined : this.#stamps.get(oid);
      const isMoved = requireSameLeaf(relation, before, now);
      if (isMoved && !(await this.#isReadable(client, relation, cursor)))
        throw writtenAnew(before!.name);
      const copied = await copyOut(
        client,
        copySql(relation, chunk),
        receiverOf(chunk, receive),
        signal,
      );
      await unlockLeaf(client);
      return copied;
    });
    try {
      return await read;
    } catch (error) {
      // An abort takes the connection away, so whatever was asked of it then fails with that.
      throw signal.aborted ? abortReason(signal) : error;
    }
  }

  /**
   * Whether what the snapshot sees in the leaf's new file is what there is to copy. A table that was emptied is read as
   * empty, however much of it was read before, where the stream tells that it was: one that is emptied all the time would
   * never be copied otherwise. It does not tell so of a partition.
   */
  async #isReadable(client: pg.Client, relation: Relation, cursor: ChunkCursor): Promise<boolean> {
    if (!(await this.#isEmpty(client, cursor))) return isWhole(cursor);
    const isTable = formatNamespace(cursor.schema, cursor.name) === relation.namespace;
    return isTable && this.#options.isFollowed;
  }

  /** Once is for ever: whatever comes into the file is younger than the snapshot. */
  async #isEmpty(client: pg.Client, { schema, name, oid }: ChunkCursor): Promise<boolean> {
    if (this.#emptied.has(oid!)) return true;
    const leaf = qualifiedName(schema, name);
    const { rows } = await client.query<{ any: boolean }>(
      `SELECT EXISTS (SELECT FROM ONLY ${leaf}) AS any`,
    );
    if (rows[0]!.any) return false;
    this.#emptied.add(oid!);
    return true;
  }

  /** Runs `work` inside the snapshot. A reader whose work failed is not used again. */
  async use<T>(doing: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    return this.#useThis(this.#idle.pop() ?? (await this.#begin()), doing, work);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#tellWaiting();
    const clients = [...this.#idle.splice(0), ...this.#busy, this.#options.exporter];
    await Promise.all(clients.map((client) => disconnect(client)));
  }

  /** On any connection that gets the lock, on the one that has it where nobody gets it any more. */
  async #useLocked<T>(
    leaf: string,
    relation: Relation,
    signal: AbortSignal,
    work: (client: pg.Client) => Promise<T>,
  ): Promise<T> {
    const doing = `copying ${relation.namespace}`;
    const locked = async (client: pg.Client): Promise<{ result: T } | null> =>
      (await tryLeaf(client, leaf)) ? { result: await work(client) } : null;
    let done = await this.use(doing, locked);
    while (done === null) {
      if (this.#holder === null) await wait(signal);
      const client = this.#holder === null ? undefined : await this.#takeHolder(signal);
      done = await (client === undefined
        ? this.use(doing, locked)
        : this.#useThis(client, doing, locked));
    }
    return done.result;
  }

  async #useThis<T>(
    client: pg.Client,
    doing: string,
    work: (client: pg.Client) => Promise<T>,
  ): Promise<T> {
    this.#busy.add(client);
    try {
      const result = await work(client);
      if (this.#closed) await disconnect(client);
      else this.#idle.push(client);
      return result;
    } catch (error) {
      await disconnect(client);
      if (client === this.#holder) this.#holder = null;
      if (isAbort(error)) throw error;
      throw toSourceError(error, `${doing} from ${this.#where}`);
    } finally {
      this.#busy.delete(client);
      this.#tellWaiting();
    }
  }

  /** As soon as it is idle; undefined where it is gone. */
  async #takeHolder(signal: AbortSignal): Promise<pg.Client | undefined> {
    for (;;) {
      signal.throwIfAborted();
      const at = this.#holder === null ? -1 : this.#idle.indexOf(this.#holder);
      if (at >= 0) return this.#idle.splice(at, 1)[0];
      if (this.#holder === null || this.#closed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wanted.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  #tellWaiting(): void {
    for (const resolve of this.#wanted.splice(0)) resolve();
  }

  async #begin(): Promise<pg.Client> {
    if (this.#closed)
      throw new WeirError(
        'UNREACHABLE',
        'The snapshot of the copy has been given back; the reader starts again with a new one.',
      );
    const { url, applicationName, snapshot } = this.#options;
    const client = await connect(url, { applicationName });
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await client.query(`SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshot)}`);
    } catch (error) {
      await disconnect(client);
      throw toPostgresError(error, `taking up the snapshot at ${this.#where}`);
    }
    return client;
  }
}

async function wait(signal: AbortSignal): Promise<void> {
  await pause(RETRY_MS, signal);
  signal.throwIfAborted();
}

/** Tuples go on without what COPY puts around them. */
function receiverOf({ dataType }: Chunk, receive: ChunkReceiver): ChunkReceiver {
  if (dataType !== TUPLES) return receive;
  const tuples = new CopiedTuples();
  return (bytes) => {
    const taken = tuples.take(bytes);
    return taken.length === 0 ? undefined : receive(taken);
  };
}
