import { randomBytes } from 'node:crypto';
import { startNats } from '../../services/supervisor/embedded/nats-server.ts';
import { startPostgres, type PostgresServer } from '../postgres/postgres-server.ts';
import { openDatabase } from './database.ts';

export interface DemoServers {
  /** With the password. */
  sourceUrl: string;
  targetUrl: string;
  natsUrl: string;
  password: string;
}

/** Two PostgreSQL servers with an empty database each, and NATS; what is started is stopped by `cleanUp`. */
export async function startDemoServers(
  signal: AbortSignal,
  cleanUp: (() => Promise<void>)[],
): Promise<DemoServers> {
  const password = randomBytes(12).toString('base64url');
  // All are waited for even when one fails, so that each that runs is stopped.
  const started = await Promise.allSettled([
    start(() => startPostgres({ password, signal })),
    start(() => startPostgres({ password, signal })),
    natsServer(),
  ]);
  const [source, target, nats] = started;
  if (source.status === 'rejected') throw source.reason;
  if (target.status === 'rejected') throw target.reason;
  if (nats.status === 'rejected') throw nats.reason;
  await Promise.all([createDatabase(source.value), createDatabase(target.value)]);
  return {
    sourceUrl: source.value.urlOf('shop'),
    targetUrl: target.value.urlOf('shop'),
    natsUrl: nats.value,
    password,
  };

  async function start<T extends { stop(): Promise<void> }>(create: () => Promise<T>): Promise<T> {
    const server = await create();
    cleanUp.push(() => server.stop());
    return server;
  }

  async function natsServer(): Promise<string> {
    const named = process.env['WEIR_NATS_URL'];
    if (named !== undefined && named !== '') return named;
    return (await start(() => startNats({ signal }))).url;
  }
}

async function createDatabase(server: PostgresServer): Promise<void> {
  const client = await openDatabase(server.url);
  try {
    await client.query('CREATE DATABASE shop');
  } finally {
    await client.end();
  }
}
