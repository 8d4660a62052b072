import type pg from 'pg';
import type { Relation } from '../../../shared/change/relation.ts';
import { TUPLES } from '../../../shared/connector/data-type.ts';
import type { Chunk, ChunkReceiver } from '../../../shared/connector/source.ts';
import { isAbort, WeirError } from '../../../shared/errors/weir-error.ts';
import { copySql } from './chunk-plan.ts';
import { connect, describeServer, disconnect } from './connection.ts';
import { copyOut } from './copy-out.ts';
import { CopiedTuples } from './copied-tuples.ts';
import { quoteLiteral } from './names.ts';
import { toPostgresError, toSourceError } from './postgres-error.ts';

export interface SnapshotReadersOptions {
  url: string;
  applicationName: string;
  /** The connection that exported the snapshot; kept open, and closed with the readers. */
  exporter: pg.Client;
  snapshot: string;
}

/** Connections that all see the source as it was at one moment: one for each chunk read at once, then used again. */
export class SnapshotReaders {
  readonly #options: SnapshotReadersOptions;
  readonly #where: string;
  readonly #idle: pg.Client[] = [];
  readonly #busy = new Set<pg.Client>();
  #closed = false;

  constructor(options: SnapshotReadersOptions) {
    this.#options = options;
    this.#where = describeServer(options.url);
  }

  async listData(
    relation: Relation,
    chunk: Chunk,
    receive: ChunkReceiver,
    signal: AbortSignal,
  ): Promise<{ rows: number }> {
    return this.use(`copying ${relation.namespace}`, (client) =>
      copyOut(client, copySql(relation, chunk), receiverOf(chunk, receive), signal),
    );
  }

  /** Runs `work` inside the snapshot. A reader whose work failed is not used again. */
  async use<T>(doing: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = this.#idle.pop() ?? (await this.#begin());
    this.#busy.add(client);
    try {
      const result = await work(client);
      if (this.#closed) await disconnect(client);
      else this.#idle.push(client);
      return result;
    } catch (error) {
      await disconnect(client);
      if (isAbort(error)) throw error;
      throw toSourceError(error, `${doing} from ${this.#where}`);
    } finally {
      this.#busy.delete(client);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const clients = [...this.#idle.splice(0), ...this.#busy, this.#options.exporter];
    await Promise.all(clients.map((client) => disconnect(client)));
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

/** Tuples go on without what COPY puts around them. */
function receiverOf({ dataType }: Chunk, receive: ChunkReceiver): ChunkReceiver {
  if (dataType !== TUPLES) return receive;
  const tuples = new CopiedTuples();
  return (bytes) => {
    const taken = tuples.take(bytes);
    return taken.length === 0 ? undefined : receive(taken);
  };
}
