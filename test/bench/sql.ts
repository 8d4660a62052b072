import pg from 'pg';
import type { PostgresServer } from '../../infra/postgres/postgres-server.ts';

export type Row = Record<string, unknown>;

/** One statement, or several, on a connection of its own; gives the rows of the last one. */
export async function runSql(url: string, sql: string, signal: AbortSignal): Promise<Row[]> {
  return withClient(url, signal, (query) => query(sql));
}

/** Runs statements on one connection; an abort closes it, which fails what is running on it. */
export async function withClient<T>(
  url: string,
  signal: AbortSignal,
  use: (query: (sql: string) => Promise<Row[]>) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const client = new pg.Client({ connectionString: url });
  // A server that stops says so here as well; the statement that runs is what fails.
  client.on('error', () => undefined);
  const close = (): void => void client.end();
  await client.connect();
  signal.addEventListener('abort', close, { once: true });
  try {
    return await use(async (sql) => {
      const result = (await client.query(sql)) as pg.QueryResult<Row> | pg.QueryResult<Row>[];
      return (Array.isArray(result) ? result.at(-1) : result)?.rows ?? [];
    });
  } finally {
    signal.removeEventListener('abort', close);
    if (!signal.aborted) await client.end();
  }
}

/** Makes a database, empty or as a copy of another one; gives its URL. */
export async function createDatabase(
  server: PostgresServer,
  name: string,
  signal: AbortSignal,
  template = 'template0',
): Promise<string> {
  await runSql(server.url, `CREATE DATABASE "${name}" TEMPLATE "${template}"`, signal);
  return server.urlOf(name);
}

export async function dropDatabase(
  server: PostgresServer,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  await runSql(server.url, `DROP DATABASE "${name}" WITH (FORCE)`, signal);
}

/** Writes out what earlier work has left in memory, so that no run pays for another one. */
export async function checkpoint(
  servers: readonly PostgresServer[],
  signal: AbortSignal,
): Promise<void> {
  for (const server of servers) await runSql(server.url, 'CHECKPOINT', signal);
}
