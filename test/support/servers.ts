import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { startNats, type NatsServerProcess } from '../../services/cli/embedded/nats-server.ts';
import {
  startPostgres,
  type PostgresOptions,
  type PostgresServer,
} from '../../services/cli/embedded/postgres-server.ts';

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

/** A PostgreSQL server for all tests of a file. */
export function usePostgres(options: PostgresOptions = {}): TestPostgres {
  let running: PostgresServer | undefined;
  beforeAll(async () => {
    running = await startPostgres(options);
  });
  afterAll(async () => {
    await running?.stop();
  });
  const server = (): PostgresServer => started(running, 'PostgreSQL');
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
  let running: NatsServerProcess | undefined;
  if (named === undefined || named === '') {
    beforeAll(async () => {
      running = await startNats();
    });
    afterAll(async () => {
      await running?.stop();
    });
    return {
      get server() {
        return running;
      },
      get url() {
        return started(running, 'NATS').url;
      },
    };
  }
  return { server: undefined, url: named };
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

function started<T>(server: T | undefined, name: string): T {
  if (server === undefined)
    throw new Error(`${name} runs only while tests run, not while they are collected`);
  return server;
}
