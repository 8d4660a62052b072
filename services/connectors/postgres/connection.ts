import pg from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';
import { detach, ignoreFailure } from '../../../shared/lifecycle/detach.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { toPostgresError } from './postgres-error.ts';

export interface ConnectOptions {
  /** Shown in `pg_stat_activity`. */
  applicationName: string;
  /** A connection that understands the replication commands (and plain SQL, by the simple protocol). */
  replication?: boolean;
  /** Told when the connection ends without having been asked to. Without it the next use fails. */
  onLost?: (error: WeirError) => void;
}

const CONNECT_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_DELAY_MS = 10_000;

/**
 * What every connection of Weir runs with, whatever the role, the database or the server say: values print the
 * same at both ends and read back as they were, names need no search path, and nothing times out by itself.
 */
const SESSION_SETTINGS: Record<string, string> = {
  client_encoding: 'UTF8',
  datestyle: 'ISO, YMD',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '3',
  bytea_output: 'hex',
  lc_monetary: 'C',
  xmloption: 'content',
  row_security: 'off',
  search_path: '',
  // Compiling a plan takes longer than the catalog queries and batches that it is for.
  jit: 'off',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  // A client whose machine is gone must not hold locks and the slot for hours: about a minute, over TCP.
  tcp_keepalives_idle: '30',
  tcp_keepalives_interval: '10',
  tcp_keepalives_count: '3',
};

/** Opens a connection with the session settings; the caller ends it. */
export async function connect(url: string, options: ConnectOptions): Promise<pg.Client> {
  const client = new pg.Client(clientConfig(url, options));
  const where = describeServer(url);
  let lost: WeirError | undefined;
  const onLost = (error: unknown): void => {
    // The first reason is the telling one; without a listener at all, Node would end the process.
    if (lost) return;
    lost = toPostgresError(error, `talking to ${where}`);
    options.onLost?.(lost);
  };
  client.on('error', onLost);
  try {
    await client.connect();
    // From 14 and 17 on; older servers would refuse to start a session with a setting that they do not know.
    await client.query(
      "SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout')",
    );
  } catch (error) {
    client.connection.stream.destroy();
    throw toPostgresError(error, `connecting to ${where}`);
  }
  return client;
}

/** `host:port/database`, without user or password: for messages. */
export function describeServer(url: string): string {
  const config = parseUrl(url);
  const host = config.host ?? 'localhost';
  return `${host}:${config.port ?? 5432}/${config.database ?? config.user ?? ''}`;
}

/** Ends a connection that is no longer needed, whatever state it is in. */
export async function disconnect(client: pg.Client | null | undefined): Promise<void> {
  if (!client) return;
  const stream = client.connection.stream;
  if (stream.destroyed) return;
  const ended = new Promise<void>((resolve) => stream.once('close', () => resolve()));
  const timer = setTimeout(() => stream.destroy(), 2_000);
  // Also where it fails: what counts is that the socket is closed.
  detach(client.end(), ignoreFailure);
  await ended;
  clearTimeout(timer);
}

function clientConfig(url: string, options: ConnectOptions): pg.ClientConfig {
  const config = parseUrl(url);
  return {
    ...config,
    application_name: options.applicationName,
    options: [config.options, ...Object.entries(SESSION_SETTINGS).map(toStartupOption)]
      .filter((part) => part !== undefined && part !== '')
      .join(' '),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // `pg` knows this parameter, its type declaration does not.
    ...(options.replication ? { replication: 'database' } : {}),
  } as pg.ClientConfig;
}

function parseUrl(url: string): pg.ClientConfig {
  try {
    const config = parseIntoClientConfig(url) as pg.ClientConfig;
    if (!config.database) config.database = config.user;
    return config;
  } catch (error) {
    // The parser's own message is left out: it may quote the URL, and with it the password.
    const reason = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new WeirError(
      'CONFIG_INVALID',
      `The PostgreSQL URL cannot be read${reason}: write it as postgres://user:password@host:port/database.`,
    );
  }
}

/** `-c name=value`, blanks escaped as the server's startup packet wants it. */
function toStartupOption([name, value]: [string, string]): string {
  return `-c ${name}=${value.replaceAll(/([\\ ])/g, '\\$1')}`;
}
