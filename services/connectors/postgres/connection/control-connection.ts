import type pg from 'pg';
import type { WeirError } from '../../../../shared/errors/weir-error.ts';
import { connect, describeServer, disconnect } from './connection.ts';
import { toPostgresError } from './postgres-error.ts';

/**
 * The connection that holds the pipeline's lock and answers small questions, one after the other. When it is lost
 * the lock is lost with it, so everything else must stop: `lost` says so.
 */
export class ControlConnection {
  readonly where: string;
  readonly #client: pg.Client;
  readonly #lost: AbortController;
  #queue: Promise<unknown> = Promise.resolve();
  #closing = false;
  #heartbeat: NodeJS.Timeout | undefined;

  private constructor(client: pg.Client, where: string, lost: AbortController) {
    this.#client = client;
    this.where = where;
    this.#lost = lost;
  }

  static async open(url: string, applicationName: string): Promise<ControlConnection> {
    const lost = new AbortController();
    const onLost = (error: WeirError): void => lost.abort(error);
    const client = await connect(url, { applicationName, onLost });
    return new ControlConnection(client, describeServer(url), lost);
  }

  /** Aborted, with the reason, when the connection ended without having been asked to. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get client(): pg.Client {
    return this.#client;
  }

  /** The server's process behind this connection. */
  async serverProcess(): Promise<number> {
    const rows = await this.query<{ pid: number }>(
      'opening the connection',
      'SELECT pg_backend_pid() AS pid',
    );
    return rows[0]!.pid;
  }

  /** Rows of one statement; `doing` is for the message if it fails. */
  query<Row extends pg.QueryResultRow>(
    doing: string,
    sql: string,
    values: unknown[] = [],
  ): Promise<Row[]> {
    return this.run(doing, async (client) => (await client.query<Row>(sql, values)).rows);
  }

  /** Says something to the server every so often, so that others see that somebody is here. */
  keepHeard(everyMs: number): void {
    // A connection that fails tells so by `lost`.
    const say = (): void => void this.query('saying that we are here', 'SELECT').catch(() => {});
    this.#heartbeat = setInterval(say, everyMs).unref();
  }

  /** Several statements that belong together. */
  run<T>(doing: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const turn = this.#queue.then(async () => {
      try {
        return await work(this.#client);
      } catch (error) {
        throw toPostgresError(error, `${doing} at ${this.where}`);
      }
    });
    // The caller hears of a failure; the next in the queue runs all the same.
    this.#queue = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    clearInterval(this.#heartbeat);
    await disconnect(this.#client);
  }
}
