import { userInfo } from 'node:os';
import { closestName } from '../../../../shared/config/closest-name.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { SSL_MODES, type SslFiles, type SslMode } from './ssl-mode.ts';

/** Where a URL leads and how. Only the URL counts: the variables that libpq reads (PGHOST and others) do not. */
export interface ConnectionUrl extends SslFiles {
  /** A host name, an address, or the folder of a socket. */
  host: string;
  port: number;
  database: string;
  user: string;
  /** Empty where there is none. */
  password: string;
  sslmode: SslMode;
  /** What the URL itself wants at the start of a session: `-c name=value …`. */
  options: string;
  connectTimeoutMs: number;
}

const CONNECT_TIMEOUT_MS = 15_000;
const DEFAULT_PORT = '5432';

/** Those of libpq (manual, 34.1.2) that mean something here. */
const PARAMETERS = [
  'host',
  'port',
  'dbname',
  'user',
  'password',
  'sslmode',
  'ssl',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'options',
  'connect_timeout',
  'target_session_attrs',
  'channel_binding',
  'gssencmode',
];

/** Parameters of which one choice, or a few, is what is done anyway. */
const ONLY: Readonly<Record<string, { values: string[]; why: string }>> = {
  ssl: { values: ['true'], why: 'write sslmode=… instead' },
  target_session_attrs: {
    values: ['any'],
    why: 'a URL names one server here, and `weir check` says whether it is a standby where a primary is needed',
  },
  channel_binding: {
    values: ['disable', 'prefer'],
    why: 'leave it out; sslmode=verify-full makes sure who the server is',
  },
  gssencmode: { values: ['disable', 'prefer'], why: 'leave it out; encryption is by SSL here' },
};

/** Never quotes the URL, which may hold a password. */
export function parseConnectionUrl(text: string): ConnectionUrl {
  const url = readUrl(text);
  const given = new Map(url.searchParams);
  for (const [name, value] of given) refuseUnknown(name, value);
  const parameter = (name: string): string | undefined => given.get(name) || undefined;
  const part = (value: string): string | undefined => decode(value) || undefined;

  const user = parameter('user') ?? part(url.username) ?? userInfo().username;
  const host = parameter('host') ?? part(url.hostname.replace(/^\[(.+)\]$/, '$1')) ?? 'localhost';
  if (host.includes(','))
    throw invalid(
      'names several hosts; name one, such as a name that always leads to the primary server',
    );
  return {
    host,
    port: readNumber('port', parameter('port') ?? (url.port || DEFAULT_PORT)),
    database: parameter('dbname') ?? part(url.pathname.slice(1)) ?? user,
    user,
    password: parameter('password') ?? part(url.password) ?? '',
    sslmode: readSslMode(parameter('sslmode'), parameter('ssl'), parameter('sslrootcert')),
    sslrootcert: parameter('sslrootcert'),
    sslcert: parameter('sslcert'),
    sslkey: parameter('sslkey'),
    sslpassword: parameter('sslpassword'),
    options: parameter('options') ?? '',
    connectTimeoutMs: given.has('connect_timeout')
      ? readNumber('connect_timeout', parameter('connect_timeout') ?? '') * 1000 ||
        CONNECT_TIMEOUT_MS
      : CONNECT_TIMEOUT_MS,
  };
}

/** `host:port/database`, without user or password: for messages. */
export function describeServer(text: string): string {
  const { host, port, database } = parseConnectionUrl(text);
  return `${host}:${port}/${database}`;
}

function readUrl(text: string): URL {
  if (URL.canParse(text)) return new URL(text);
  throw invalid('cannot be read; write it as postgres://user:password@host:port/database');
}

function refuseUnknown(name: string, value: string): void {
  const only = ONLY[name];
  if (only !== undefined && !only.values.includes(value))
    throw invalid(`has ${name}=${value}, which is not possible here: ${only.why}`);
  if (PARAMETERS.includes(name)) return;
  const closest = closestName(name, PARAMETERS);
  const meant = closest === undefined ? '' : ` (did you mean ${closest}?)`;
  throw invalid(
    `has the parameter "${name}", which is not known${meant}; leave it out, or use some of ${PARAMETERS.join(', ')}`,
  );
}

function readSslMode(
  mode: string | undefined,
  ssl: string | undefined,
  root: string | undefined,
): SslMode {
  if (mode === undefined) {
    if (ssl !== undefined) return 'require';
    return root === 'system' ? 'verify-full' : 'prefer';
  }
  const known = SSL_MODES.find((each) => each === mode);
  if (known === undefined) throw invalid(`has sslmode=${mode}; it may be ${SSL_MODES.join(', ')}`);
  if (root === 'system' && known !== 'verify-full')
    throw invalid('has sslrootcert=system, which goes with sslmode=verify-full only');
  return known;
}

function readNumber(name: string, text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw invalid(`has ${name}=${text}, which is not a number`);
  return Number(text);
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
  return new WeirError('CONFIG_INVALID', `The PostgreSQL URL ${what}.`);
}
