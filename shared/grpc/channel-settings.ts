import { closestName } from '../config/closest-name.ts';
import { parseDuration } from '../config/duration.ts';
import { WeirError } from '../errors/weir-error.ts';

/** What a URL `grpcs://host:port?ca=/etc/ca.pem&tokenEnv=TOKEN` asks for. */
export interface ChannelSettings {
  /** host:port */
  address: string;
  /** Null: without encryption (`grpc:`). */
  tls: TlsSettings | null;
  /** Where the bearer token comes from; never the token itself. */
  token: { env: string } | { file: string } | null;
  gzip: boolean;
  /** What documents are to be; null: the first that the peer offers. */
  documents: 'bson' | 'json' | null;
  /** Of a call with one answer. */
  timeoutMs: number;
  /** A connection with calls open is tried that often. */
  keepaliveMs: number;
}

export interface TlsSettings {
  /** Paths of PEM files; null: the authorities of this machine, and no certificate of our own. */
  caFile: string | null;
  certFile: string | null;
  keyFile: string | null;
  /** The name that the peer's certificate must have; null: the host. */
  serverName: string | null;
}

const KEYS = [
  'ca',
  'cert',
  'key',
  'serverName',
  'tokenEnv',
  'tokenFile',
  'gzip',
  'documents',
  'timeout',
  'keepalive',
];
const TLS_KEYS = ['ca', 'cert', 'key', 'serverName'];
/** Many servers close connections that are tried more often than every five minutes. */
const KEEPALIVE_MS = 310_000;
const TIMEOUT_MS = 60_000;

/** Throws CONFIG_INVALID with everything that is wrong. */
export function parseChannelUrl(url: string): ChannelSettings {
  const { protocol, searchParams, host, port, pathname, username, password } = new URL(url);
  const problems: string[] = [];
  const text = (key: string): string | null => searchParams.get(key);
  if (host === '' || port === '' || !['', '/'].includes(pathname))
    problems.push('it must be grpc://HOST:PORT or grpcs://HOST:PORT');
  if (username !== '' || password !== '')
    problems.push('it takes no user; name a token with tokenEnv or tokenFile');
  for (const key of new Set(searchParams.keys())) {
    if (searchParams.getAll(key).length > 1) problems.push(`${key} is given twice`);
    if (KEYS.includes(key)) continue;
    const near = closestName(key, KEYS);
    const hint = near === undefined ? '' : `did you mean ${near}? `;
    problems.push(`${key} is not known; ${hint}known are ${KEYS.join(', ')}`);
  }
  const secure = protocol === 'grpcs:';
  const misplaced = secure ? [] : TLS_KEYS.filter((key) => searchParams.has(key));
  if (misplaced.length > 0) problems.push(`${misplaced.join(', ')} needs grpcs:`);
  if ((text('cert') === null) !== (text('key') === null))
    problems.push('cert and key go together: a client certificate and its key');
  if (text('tokenEnv') !== null && text('tokenFile') !== null)
    problems.push('only one of tokenEnv and tokenFile can be given');
  const duration = (key: string, otherwise: number): number => {
    const given = text(key);
    const ms = given === null ? otherwise : parseDuration(given);
    if (ms !== undefined && ms > 0) return ms;
    problems.push(`${key} must be a time such as 30s or 5m`);
    return otherwise;
  };
  const gzip = text('gzip') ?? 'false';
  if (!['true', 'false'].includes(gzip)) problems.push('gzip must be true or false');
  const documents = text('documents');
  if (documents !== null && documents !== 'bson' && documents !== 'json')
    problems.push('documents must be bson or json');
  const settings: ChannelSettings = {
    address: host,
    tls: !secure
      ? null
      : {
          caFile: text('ca'),
          certFile: text('cert'),
          keyFile: text('key'),
          serverName: text('serverName'),
        },
    token: tokenOf(text('tokenEnv'), text('tokenFile')),
    gzip: gzip === 'true',
    documents: documents === 'bson' || documents === 'json' ? documents : null,
    timeoutMs: duration('timeout', TIMEOUT_MS),
    keepaliveMs: duration('keepalive', KEEPALIVE_MS),
  };
  if (problems.length > 0)
    throw new WeirError('CONFIG_INVALID', `the gRPC URL is wrong: ${problems.join('; ')}`);
  return settings;
}

function tokenOf(env: string | null, file: string | null): ChannelSettings['token'] {
  if (env !== null) return { env };
  return file === null ? null : { file };
}
