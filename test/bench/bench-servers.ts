import {
  startNats,
  type NatsServerProcess,
} from '../../services/supervisor/embedded/nats-server.ts';
import { startPostgres, type PostgresServer } from '../../infra/postgres/postgres-server.ts';

/** Of both PostgreSQL servers, for the baselines and for Weir alike; everything else is PostgreSQL's default (fsync on). */
export const POSTGRES_SETTINGS: Readonly<Record<string, string>> = {
  wal_level: 'logical',
  max_wal_size: '4GB',
  shared_buffers: '256MB',
  // Latency is told by the times of the commits at both ends.
  track_commit_timestamp: 'on',
};

/** Each lane reserves its share, and `growth-lanes` has 60. */
const STORE_BYTES = 64 * 1024 ** 3;

/** The servers of a bench: nobody else uses them, and nothing of them is left afterwards. */
export interface BenchServers {
  source: PostgresServer;
  target: PostgresServer;
  nats: NatsServerProcess;
  stop(): Promise<void>;
}

export async function startBenchServers(signal: AbortSignal): Promise<BenchServers> {
  const started: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const server of started.splice(0).reverse()) await server.stop();
  };
  const keep = <T extends { stop(): Promise<void> }>(server: T): T => {
    started.push(server);
    return server;
  };
  try {
    const postgres = { settings: { ...POSTGRES_SETTINGS }, signal };
    return {
      source: keep(await startPostgres(postgres)),
      target: keep(await startPostgres(postgres)),
      nats: keep(await startNats({ signal, maxFileStoreBytes: STORE_BYTES })),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
