import type { ConnectionOptions } from 'mysql2';
import { authPlugins } from 'mysql2';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { type ConnectionUrl, describeServer, parseConnectionUrl } from './connection-url.ts';
import { toMysqlError } from './mysql-error.ts';
import { parseServerVersion, requireKnownVersion, type ServerVersion } from './server-version.ts';
import { pinSettings } from './session-settings.ts';
import { encryptions, isWithoutSsl, sslProblem, type TlsOptions } from './ssl-mode.ts';
import { type Outcome, type RowReceiver, TextQuery, textsOf } from './text-query.ts';
import { openWire, type Wire, type WireCommand } from './wire.ts';

export interface ConnectOptions {
  /** Shown to the server's owner (`performance_schema.session_connect_attrs`). */
  programName: string;
  pipeline?: string;
  /** Told when the connection ends without having been asked to. Without it the next use fails. */
  onLost?: (error: WeirError) => void;
}

const KEEP_ALIVE_DELAY_MS = 10_000;
const COM_QUIT = Buffer.from([1, 0, 0, 0, 1]);
const QUIT_TIMEOUT_MS = 2_000;
/**
 * Of the driver's flags: no space may stand before a bracket, no file of this machine is ever sent, and packets have the
 * plain form that `TextQuery` reads.
 */
const FLAGS = [
  '-IGNORE_SPACE',
  '-LOCAL_FILES',
  '-ODBC',
  '-SESSION_TRACK',
  '-CLIENT_QUERY_ATTRIBUTES',
];

/** One session of a server, with the settings of all sessions of Weir; statements run one after the other. */
export class MysqlConnection {
  readonly where: string;
  readonly version: ServerVersion;
  readonly #wire: Wire;
  #closing = false;
  #lost: WeirError | undefined;

  private constructor(wire: Wire, where: string, version: ServerVersion) {
    this.#wire = wire;
    this.where = where;
    this.version = version;
  }

  /** The caller closes it. */
  static async open(text: string, options: ConnectOptions): Promise<MysqlConnection> {
    const url = parseConnectionUrl(text);
    const where = describeServer(url);
    const wire = await openEncrypted(url, where, options);
    let connection: MysqlConnection | undefined;
    const onLost = (error: Error): void => {
      wire.stream.destroy();
      if (connection !== undefined) connection.#onLost(error, options.onLost);
    };
    wire.on('error', onLost);
    // Packets out of order: what comes behind them cannot be trusted.
    wire.on('warn', onLost);
    try {
      const version = parseServerVersion((await askWire(wire, 'SELECT version()'))[0]?.[0] ?? '');
      requireKnownVersion(version);
      await pinSettings(
        {
          ask: (sql) => askWire(wire, sql),
          run: async (sql) => void (await give(wire, new TextQuery(sql, null))),
        },
        where,
      );
      connection = new MysqlConnection(wire, where, version);
      // The driver tells a command of a loss, and nobody else then.
      wire.stream.once('close', () => onLost(new Error('connection lost')));
      return connection;
    } catch (error) {
      wire.stream.destroy();
      throw toMysqlError(error, `connecting to ${where}`);
    }
  }

  /** As the server numbers it in its process list. */
  get threadId(): number {
    return this.#wire.threadId;
  }

  get isEncrypted(): boolean {
    return 'encrypted' in this.#wire.stream;
  }

  /** Rows of a small answer, as text. `doing` is for the message if it fails. */
  async query(doing: string, sql: string): Promise<(string | null)[][]> {
    return this.#told(doing, () => askWire(this.#wire, sql));
  }

  /** A statement that gives no rows. */
  async run(doing: string, sql: string): Promise<Outcome> {
    return this.#told(doing, () => give(this.#wire, new TextQuery(sql, null)));
  }

  /** Rows as they come; `pause` holds them back. */
  async stream(doing: string, sql: string, receiver: RowReceiver): Promise<Outcome> {
    return this.#told(doing, () => give(this.#wire, new TextQuery(sql, receiver)));
  }

  /** A command of another kind; what it does with packets is its own matter. */
  give(command: WireCommand): void {
    this.#wire.addCommand(command);
  }

  /** Nothing more is read from the socket. */
  pause(): void {
    this.#wire.stream.pause();
  }

  resume(): void {
    this.#wire.stream.resume();
  }

  /** Ends the session, also in the middle of a statement. */
  async close(): Promise<void> {
    this.#closing = true;
    const { stream } = this.#wire;
    if (stream.destroyed) return;
    const ended = new Promise<void>((resolve) => stream.once('close', () => resolve()));
    const timer = setTimeout(() => stream.destroy(), QUIT_TIMEOUT_MS);
    stream.end(COM_QUIT, () => stream.destroy());
    await ended;
    clearTimeout(timer);
  }

  async #told<T>(doing: string, work: () => Promise<T>): Promise<T> {
    if (this.#lost !== undefined) throw this.#lost;
    try {
      return await work();
    } catch (error) {
      throw toMysqlError(error, `${doing} at ${this.where}`);
    }
  }

  #onLost(error: Error, tell: ConnectOptions['onLost']): void {
    if (this.#closing || this.#lost !== undefined) return;
    this.#lost = toMysqlError(error, `talking to ${this.where}`);
    tell?.(this.#lost);
  }
}

function give(wire: Wire, query: TextQuery): Promise<Outcome> {
  wire.addCommand(query);
  return query.done;
}

async function askWire(wire: Wire, sql: string): Promise<(string | null)[][]> {
  const rows: (string | null)[][] = [];
  await give(
    wire,
    new TextQuery(sql, {
      begin: () => undefined,
      row: (bytes, from, to) => void rows.push(textsOf(bytes, from, to)),
    }),
  );
  return rows;
}

/** The ways to connect that the URL allows, one after the other. */
async function openEncrypted(
  url: ConnectionUrl,
  where: string,
  options: ConnectOptions,
): Promise<Wire> {
  let failure: unknown;
  for (const way of encryptions(url.sslMode, url)) {
    try {
      return await openWire(wireOptions(url, way, options));
    } catch (error) {
      failure = error;
      if (!isWithoutSsl(error)) break;
    }
  }
  const problem = sslProblem(failure, url.sslMode);
  if (problem === null) throw toMysqlError(failure, `connecting to ${where}`);
  throw new WeirError('CONFIG_INVALID', `Connecting to ${where} failed: ${problem}.`, {
    cause: failure,
  });
}

function wireOptions(
  url: ConnectionUrl,
  tls: TlsOptions | null,
  { programName, pipeline }: ConnectOptions,
): ConnectionOptions {
  const { host, port, socket, database, user, password } = url;
  const isSafe = tls !== null || socket !== null || isLoopback(host) || url.takesServerKey;
  return {
    ...(socket === null ? { host, port } : { socketPath: socket }),
    ...{ user, password: password.reveal(), flags: FLAGS },
    ...(database === null ? {} : { database }),
    ...(tls === null ? {} : { ssl: tls }),
    charset: 'UTF8MB4_BIN',
    connectTimeout: url.connectTimeoutMs,
    ...{ enableKeepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS },
    connectAttributes: {
      program_name: programName,
      ...(pipeline === undefined ? {} : { weir_pipeline: pipeline }),
    },
    ...(isSafe ? {} : { authPlugins: { caching_sha2_password: withoutServerKey() } }),
  };
}

/** Anybody between here and the server could name a key of his own, and read the password. */
function withoutServerKey(): ReturnType<typeof authPlugins.caching_sha2_password> {
  return authPlugins.caching_sha2_password({
    onServerPublicKey: () => {
      throw new Error(
        'the password would have to be sent without TLS; let the server have a certificate, or write get-server-public-key=true in the URL where the network can be trusted',
      );
    },
  });
}

function isLoopback(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i.test(host);
}
