import pg from 'pg';
import {
  startNats,
  type NatsServerProcess,
} from '../../../services/supervisor/embedded/nats-server.ts';
import { startPostgres, type PostgresServer } from '../../../infra/postgres/postgres-server.ts';
import type { ServerFacts } from '../generate/generate-case.ts';
import { dumpDatabase, requirePgDump, type Dump } from '../judge/pg-dump.ts';

/** The servers that all cases of a hunt share; each case has databases of its own. */
export interface HuntServers {
  source: PostgresServer;
  target: PostgresServer;
  nats: NatsServerProcess;
  facts: ServerFacts;
  /** Databases in which nothing is. */
  empty: { source: Dump; target: Dump };
  versions: { source: number; target: number };
  stop(): Promise<void>;
}

const SETTINGS = {
  fsync: 'off',
  // One at a time uses few; those that a defect leaves behind must not end the hunt.
  max_replication_slots: '100',
  max_wal_senders: '100',
  max_connections: '300',
  max_prepared_transactions: '20',
};

export async function startHuntServers(): Promise<HuntServers> {
  // Little room for each lane, and the broker has some for every case; enough is logged to be judged by.
  Object.assign(process.env, { WEIR_LANE_MIB: '16', WEIR_LOG_LEVEL: 'info' });
  const started: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const server of started.splice(0)) await server.stop();
  };
  const keep = <T extends { stop(): Promise<void> }>(server: T): T => {
    started.push(server);
    return server;
  };
  try {
    const binaries = process.env['WEIR_POSTGRES_BIN_TARGET'];
    const [source, target, nats] = await Promise.all([
      startPostgres({ settings: SETTINGS }).then(keep),
      startPostgres({ settings: SETTINGS, binaries }).then(keep),
      startNats().then(keep),
    ]);
    const [atSource, atTarget] = [await readServer(source.url), await readServer(target.url)];
    const versions = { source: atSource.version, target: atTarget.version };
    requirePgDump(Math.max(versions.source, versions.target));
    const empty = {
      source: await dumpDatabase(source.url),
      target: await dumpDatabase(target.url),
    };
    const facts = {
      version: versions.source,
      targetVersion: versions.target,
      extensions: new Set(atSource.extensions.filter((name) => atTarget.extensions.includes(name))),
    };
    return { source, target, nats, facts, versions, empty, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function readServer(url: string): Promise<{ version: number; extensions: string[] }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ version: number; extensions: string[] }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS version,
         ARRAY(SELECT name::text FROM pg_available_extensions ORDER BY 1) AS extensions`,
    );
    return rows[0]!;
  } finally {
    await client.end();
  }
}
