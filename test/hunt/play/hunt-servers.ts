import pg from 'pg';
import { startNats, type NatsServerProcess } from '../../../services/cli/embedded/nats-server.ts';
import {
  startPostgres,
  type PostgresServer,
} from '../../../services/cli/embedded/postgres-server.ts';
import type { ServerFacts } from '../generate/generate-case.ts';

/** The servers that all cases of a hunt share; each case has databases of its own. */
export interface HuntServers {
  source: PostgresServer;
  target: PostgresServer;
  nats: NatsServerProcess;
  facts: ServerFacts;
  stop(): Promise<void>;
}

const SETTINGS = {
  fsync: 'off',
  // One at a time uses few; those that a defect leaves behind must not end the hunt.
  max_replication_slots: '100',
  max_wal_senders: '100',
  max_connections: '300',
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
    return { source, target, nats, facts: await readFacts(source.url, target.url), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What both ends can do. */
async function readFacts(sourceUrl: string, targetUrl: string): Promise<ServerFacts> {
  const [source, target] = [await readServer(sourceUrl), await readServer(targetUrl)];
  return {
    version: Math.min(source.version, target.version),
    extensions: new Set(source.extensions.filter((name) => target.extensions.includes(name))),
  };
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
