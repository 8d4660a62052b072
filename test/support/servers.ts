import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import {
  startNats,
  type NatsServerProcess,
} from '../../services/supervisor/embedded/nats-server.ts';
import {
  startPostgres,
  type PostgresOptions,
  type PostgresServer,
} from '../../infra/postgres/postgres-server.ts';

export interface TestPostgres {
  /** The server itself, for killing and restarting. */
  readonly server: PostgresServer;
  readonly url: string;
  /** Makes an empty database with a name of its own and gives its URL. */
  createDatabase(): Promise<string>;
}

export interface TestNats {
  /** Undefined where WEIR_NATS_URL names a server that is not ours to kill. */
  readonly server: NatsServerProcess | undefined;
  readonly url: string;
}

/** Only processes are killed here, never the machine: what the system has need not have reached a disk. */
const SETTINGS = { fsync: 'off' };

/** A PostgreSQL server for all tests of a file. */
export function usePostgres({ settings, ...options }: PostgresOptions = {}): TestPostgres {
  const server = useServer('PostgreSQL', () =>
    startPostgres({
      language: process.env['WEIR_TEST_LANGUAGE'],
      ...options,
      settings: { ...SETTINGS, ...settings },
    }),
  );
  return {
    get server() {
      return server();
    },
    get url() {
      return server().url;
    },
    async createDatabase() {
      const name = `test_${randomBytes(6).toString('hex')}`;
      await queryPostgres(server().url, `CREATE DATABASE ${name}`);
      return server().urlOf(name);
    },
  };
}

/** As `usePostgres`, of the version that WEIR_POSTGRES_BIN_TARGET names. */
export function useTargetPostgres(options: PostgresOptions = {}): TestPostgres {
  return usePostgres({ ...options, binaries: process.env['WEIR_POSTGRES_BIN_TARGET'] });
}

/** A NATS server with JetStream for all tests of a file: the one that WEIR_NATS_URL names, else one of its own. */
export function useNats(): TestNats {
  const named = process.env['WEIR_NATS_URL'];
  if (named !== undefined && named !== '') return { server: undefined, url: named };
  const server = useServer('NATS', () => startNats());
  return {
    get server() {
      return server();
    },
    get url() {
      return server().url;
    },
  };
}

const starts: (() => unknown)[] = [];

/** A server for all tests of a file; all of them start together. */
export function useServer<T extends { stop(): Promise<void> }>(
  name: string,
  start: () => Promise<T>,
): () => T {
  let starting: Promise<T> | undefined;
  let running: T | undefined;
  // Whoever waits for it learns of a failure.
  starts.push(() => (starting ??= start()).catch(() => undefined));
  beforeAll(async () => {
    for (const each of starts) each();
    running = await starting;
  });
  afterAll(async () => {
    await running?.stop();
  });
  return () => {
    if (running === undefined)
      throw new Error(`${name} runs only while tests run, not while they are collected`);
    return running;
  };
}

/** One connection, one statement or several, the rows of the last one. */
export async function queryPostgres(
  url: string,
  sql: string,
  values: unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  // A server that a test kills also says so here; the query is what fails.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const result = (await client.query(sql, values.length === 0 ? undefined : values)) as
      pg.QueryResult<Record<string, unknown>> | pg.QueryResult<Record<string, unknown>>[];
    return (Array.isArray(result) ? result.at(-1) : result)?.rows ?? [];
  } finally {
    await client.end();
  }
}

/** 15 of 15.18. */
export async function majorVersion(url: string): Promise<number> {
  const [server] = await queryPostgres(url, 'SHOW server_version_num');
  return Math.floor(Number(server?.['server_version_num']) / 10_000);
}

/** Says that something is not tried on this server: false, for filters. */
export function leaveOut(version: number, what: string, why: string): false {
  process.stderr.write(`left out on PostgreSQL ${version}: ${what} (${why})\n`);
  return false;
}
