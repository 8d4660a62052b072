import { isIP } from 'node:net';
import { closestName } from '../../../../shared/config/closest-name.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { Secret } from '../../../../shared/config/secret.ts';
import { SSL_MODES, type SslFiles, type SslMode } from './ssl-mode.ts';

/** Where a URL leads and how. Only the URL counts: option files and variables that clients read (MYSQL_HOST) do not. */
export interface ConnectionUrl extends SslFiles {
  /** A host name or an address; unused where there is a socket. */
  host: string;
  port: number;
  /** The path of a local socket. */
  socket: string | null;
  /** Null where it names none. */
  database: string | null;
  user: string;
  /** Empty where there is none. */
  password: Secret;
  sslMode: SslMode;
  /** A password may be sent under a public key that the server itself names, where the connection is not encrypted. */
  takesServerKey: boolean;
  connectTimeoutMs: number;
}

const CONNECT_TIMEOUT_MS = 15_000;
const DEFAULT_PORT = 3306;
const MOST_SECONDS = 86_400;

/** As MySQL's own URLs call them (manual, "Connecting to the Server Using URI-Like Strings"). */
const PARAMETERS = [
  'ssl-mode',
  'ssl-ca',
  'ssl-cert',
  'ssl-key',
  'socket',
  'connect-timeout',
  'get-server-public-key',
] as const;
type Parameter = (typeof PARAMETERS)[number];

/** Never quotes the URL, which may hold a password. */
export function parseConnectionUrl(text: string): ConnectionUrl {
  const url = readUrl(text);
  const given = readParameters(url);
  const host = decode(url.hostname.replace(/^\[(.+)\]$/, '$1'));
  if (host.includes(','))
    throw invalid(
      'names several hosts; name one, such as a name that always leads to the primary server',
    );
  const user = decode(url.username);
  if (user === '') throw invalid('names no user; write it as mysql://user:password@host/database');
  const database = decode(url.pathname.slice(1));
  if (database.includes('/'))
    throw invalid('has a path of several parts; write the database alone behind the host');
  const socket = given.get('socket') ?? null;
  if (socket !== null && !socket.startsWith('/'))
    throw invalid('has a socket that is no absolute path; write socket=/path/to/mysqld.sock');
  const sslMode = readSslMode(given, socket !== null);
  // The driver would look for another name in the certificate then.
  if (sslMode === 'VERIFY_IDENTITY' && isIP(host) !== 0)
    throw invalid(
      'has ssl-mode=VERIFY_IDENTITY and an address; name the host as its certificate does, or write ssl-mode=VERIFY_CA',
    );
  return {
    ...{ host: host === '' ? 'localhost' : host, socket, user, sslMode },
    port: url.port === '' ? DEFAULT_PORT : readNumber('port', url.port, 65_535),
    database: database === '' ? null : database,
    password: new Secret(decode(url.password)),
    sslCa: given.get('ssl-ca'),
    sslCert: given.get('ssl-cert'),
    sslKey: given.get('ssl-key'),
    takesServerKey: readFlag('get-server-public-key', given.get('get-server-public-key')),
    connectTimeoutMs: given.has('connect-timeout')
      ? readNumber('connect-timeout', given.get('connect-timeout')!, MOST_SECONDS) * 1000
      : CONNECT_TIMEOUT_MS,
  };
}

/** `host:port/database`, without user or password: for messages. */
export function describeServer({ host, port, socket, database }: ConnectionUrl): string {
  return `${socket ?? `${host.includes(':') ? `[${host}]` : host}:${port}`}/${database ?? ''}`;
}

function readUrl(text: string): URL {
  if (URL.canParse(text)) {
    const url = new URL(text);
    if (url.protocol === 'mysql:' || url.protocol === 'mariadb:') return url;
  }
  throw invalid('cannot be read; write it as mysql://user:password@host:port/database');
}

function readParameters(url: URL): Map<Parameter, string> {
  const given = new Map<Parameter, string>();
  for (const [name, value] of url.searchParams) {
    const known = PARAMETERS.find((each) => each === name);
    if (known === undefined) {
      const closest = closestName(name, [...PARAMETERS]);
      const meant = closest === undefined ? '' : ` (did you mean ${closest}?)`;
      throw invalid(
        `has the parameter "${name}", which is not known${meant}; leave it out, or use some of ${PARAMETERS.join(', ')}`,
      );
    }
    if (given.has(known)) throw invalid(`has the parameter ${name} twice; write it once`);
    if (value === '') throw invalid(`has ${name} without a value; leave it out, or give it one`);
    given.set(known, value);
  }
  return given;
}

function readSslMode(given: Map<Parameter, string>, isSocket: boolean): SslMode {
  const text = given.get('ssl-mode');
  const mode = SSL_MODES.find((each) => each === text?.toUpperCase().replace('-', '_'));
  if (text !== undefined && mode === undefined)
    throw invalid(`has ssl-mode=${text}; it may be ${SSL_MODES.join(', ')}`);
  if (isSocket) {
    if (mode !== undefined && mode !== 'DISABLED' && mode !== 'PREFERRED')
      throw invalid(
        `has a socket and ssl-mode=${text}; a socket is not encrypted, so leave one of them out`,
      );
    return 'DISABLED';
  }
  const found = mode ?? (given.has('ssl-ca') ? 'VERIFY_CA' : 'PREFERRED');
  const files = (['ssl-ca', 'ssl-cert', 'ssl-key'] as const).filter((name) => given.has(name));
  if (found === 'DISABLED' && files.length > 0)
    throw invalid(`has ssl-mode=DISABLED and ${files.join(', ')}; leave one of them out`);
  if (given.has('ssl-cert') !== given.has('ssl-key'))
    throw invalid('has one of ssl-cert and ssl-key; a certificate of the client needs both');
  return found;
}

function readFlag(name: Parameter, text: string | undefined): boolean {
  if (text === undefined || /^(false|0)$/i.test(text)) return false;
  if (/^(true|1)$/i.test(text)) return true;
  throw invalid(`has ${name}=${text}; it may be true or false`);
}

function readNumber(name: string, text: string, most: number): number {
  if (/^\d{1,6}$/.test(text) && Number(text) >= 1 && Number(text) <= most) return Number(text);
  throw invalid(`has ${name}=${text}, which is no number from 1 to ${most}`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError)
      throw invalid('has a "%" that starts no percent-encoded character; write it as %25');
    throw error;
  }
}

function invalid(what: string): WeirError {
  return new WeirError('CONFIG_INVALID', `The MySQL URL ${what}.`);
}
