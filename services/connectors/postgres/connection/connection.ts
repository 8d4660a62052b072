import pg from 'pg';
import { detach, ignoreFailure } from '../../../../shared/lifecycle/detach.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { describeServer, parseConnectionUrl, type ConnectionUrl } from './connection-url.ts';
import { toPostgresError } from './postgres-error.ts';
import { pinSettings, startupOptions, takeSession } from './session-settings.ts';
import { watchSession } from './session-watch.ts';
import { encryptions, isOtherWay, isWithoutSsl, sslProblem, type Encryption } from './ssl-mode.ts';

export { describeServer };

export interface ConnectOptions {
  /** Shown in `pg_stat_activity`. */
  applicationName: string;
  /** A connection that understands the replication commands (and plain SQL, by the simple protocol). */
  replication?: boolean;
  /** Told when the connection ends without having been asked to. Without it the next use fails. */
  onLost?: (error: WeirError) => void;
}

const KEEP_ALIVE_DELAY_MS = 10_000;

/** Opens a connection with the session settings; the caller ends it. */
export async function connect(text: string, options: ConnectOptions): Promise<pg.Client> {
  const url = parseConnectionUrl(text);
  const where = describeServer(text);
  const client = await openClient(url, where, options);
  try {
    await pinSettings(client, where);
    // Asked for: a proxy between may have told a number of its own.
    const pid = await takeSession(client, where);
    const applicationName = `${options.applicationName} sessions`;
    watchSession(text, client, pid, () => openClient(url, where, { applicationName }));
  } catch (error) {
    client.connection.stream.destroy();
    throw toPostgresError(error, `connecting to ${where}`);
  }
  return client;
}

/** Servers that said they have no SSL: asking again costs a connection each time. */
const withoutSsl = new Set<string>();

/** The ways to connect that the URL's `sslmode` allows, one after the other. */
async function openClient(
  url: ConnectionUrl,
  where: string,
  options: ConnectOptions,
): Promise<pg.Client> {
  const isSocket = url.host.startsWith('/');
  const ways = isSocket ? [false as const] : encryptions(url.sslmode, url);
  if (withoutSsl.has(where)) ways.sort((a, b) => Number(a !== false) - Number(b !== false));
  let failure: unknown;
  for (const way of ways) {
    try {
      return await openOne(url, where, way, options);
    } catch (error) {
      // Of two ways that are not possible, the reason of the first is the one to mend.
      failure ??= error;
      if (isWithoutSsl(error)) withoutSsl.add(where);
      if (!isOtherWay(error)) {
        failure = error;
        break;
      }
    }
  }
  const problem = sslProblem(failure, url.sslmode);
  if (problem === null) throw toPostgresError(failure, `connecting to ${where}`);
  throw new WeirError('CONFIG_INVALID', `Connecting to ${where} failed: ${problem}.`, {
    cause: failure,
  });
}

async function openOne(
  url: ConnectionUrl,
  where: string,
  encryption: Encryption,
  options: ConnectOptions,
): Promise<pg.Client> {
  const client = new pg.Client(clientConfig(url, where, encryption, options));
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
  } catch (error) {
    client.connection.stream.destroy();
    throw error;
  }
  return client;
}

/**
 * Throws where another connection, beside one that is open and at rest, would get the same session, or where changes cannot be
 * followed through what is between here and the server.
 */
export async function probeConnection(text: string, options: ConnectOptions): Promise<void> {
  await disconnect(await connect(text, options));
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

/** Everything is said, so that nothing comes from the environment. */
function clientConfig(
  url: ConnectionUrl,
  where: string,
  encryption: Encryption,
  options: ConnectOptions,
): pg.ClientConfig {
  const { host, port, database, user, password } = url;
  return {
    host,
    port,
    database,
    user,
    password: password === '' ? () => askedForPassword(where) : password,
    ssl: encryption,
    sslnegotiation: 'postgres',
    application_name: options.applicationName,
    // What the URL wants comes first, so that it cannot undo the rest.
    options: `${url.options} ${startupOptions()}`.trim(),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    connectionTimeoutMillis: url.connectTimeoutMs,
    // `pg` knows this parameter, its type declaration does not.
    ...(options.replication ? { replication: 'database' } : {}),
  } as pg.ClientConfig;
}

/** Called where a server asks for one. */
function askedForPassword(where: string): never {
  throw new WeirError(
    'ACCESS_DENIED',
    `Connecting to ${where} failed: the server asks for a password and the URL has none; write it as postgres://user:password@host.`,
  );
}
