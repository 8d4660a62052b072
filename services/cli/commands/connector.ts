import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseDuration } from '../../../shared/config/duration.ts';
import { storeUrlProblem } from '../../../shared/config/url-scheme.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { parseLogLevel } from '../../../shared/logging/log-level.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { serveConnector } from '../../connector-server/connector-server.ts';
import type { ServerAccess } from '../../connector-server/server-access.ts';
import { connectorFor, URL_SCHEMES } from '../../connectors/registry.ts';
import type { Store } from '../../../shared/connector/store.ts';
import { projectRoot } from '../../supervisor/embedded/project-root.ts';
import { stopSignal } from '../stop-signal.ts';
import { weirVersion } from '../../supervisor/weir-version.ts';

export interface ServeOptions {
  listen: string;
  name: string;
  tlsCert?: string;
  tlsKey?: string;
  tlsClientCa?: string;
  tokenFile?: string;
  tokenEnv?: string;
  confirmAfter: string;
}

const WRITES_AT_ONCE = 4;

/** Serves a connector to other programs until stopped. */
export async function runConnectorServe(url: string, options: ServeOptions): Promise<number> {
  const { listen, name } = options;
  requireUrl(url);
  if (!/^(\[[0-9a-f:]+\]|[^:\s]+):\d{1,5}$/i.test(listen))
    throw new WeirError('CONFIG_INVALID', '--listen must be HOST:PORT, e.g. 127.0.0.1:7001');
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(name))
    throw new WeirError(
      'CONFIG_INVALID',
      '--name must begin with a letter and hold only a-z, 0-9 and "-"',
    );
  const access = await readAccess(options);
  const confirmAfterMs = parseConfirmAfter(options.confirmAfter);
  const { store, kind, takesAny } = await openStore(url, name, confirmAfterMs);
  const stop = stopSignal();
  const stopped = new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
  try {
    const connector = { store, kind, version: weirVersion(), takesAny };
    const protoFolder = path.join(projectRoot(), 'proto');
    const server = await serveConnector({ connector, listen, access, protoFolder });
    const scheme = access.tls === null ? 'grpc' : 'grpcs';
    console.log(`serving ${kind}: at ${scheme}://${server.address}`);
    if (!isLoopback(listen) && access.tls === null)
      console.error('not encrypted, and not on loopback: anybody on the network can read the rows');
    await stopped;
    await server.stop();
    return 0;
  } finally {
    stop.dispose();
  }
}

/** Removes what serving made at a store: the log it holds back is for nobody any more. */
export async function runConnectorForget(url: string, { name }: { name: string }): Promise<number> {
  const connector = await connectorFor(requireUrl(url));
  const log = createLogger({ service: 'connector', pipeline: name, level: 'warn' });
  const source = connector.createSource?.({ pipeline: name, url, log });
  try {
    await source?.reset();
  } finally {
    await source?.close();
  }
  console.log(`nothing is kept for ${name} any more`);
  return 0;
}

async function openStore(
  url: string,
  name: string,
  confirmAfterMs: number | null,
): Promise<{ store: Store; kind: string; takesAny: boolean }> {
  const connector = await connectorFor(url);
  const { kind, takes } = connector.getInfo();
  if (connector.createStore === undefined)
    throw new WeirError(
      'NOT_SUPPORTED',
      `a connector of the kind ${kind} cannot be served; postgres, file, random and null can`,
    );
  const level = parseLogLevel(process.env['WEIR_LOG_LEVEL'] ?? 'warn');
  const log = createLogger({ service: 'connector', pipeline: name, level });
  const store = connector.createStore({
    pipeline: name,
    url,
    log,
    workers: WRITES_AT_ONCE,
    confirmAfterMs,
  });
  return { store, kind, takesAny: takes === 'any' };
}

async function readAccess(options: ServeOptions): Promise<ServerAccess> {
  const { tlsCert, tlsKey, tlsClientCa, tokenFile, tokenEnv } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new WeirError('CONFIG_INVALID', '--tls-cert and --tls-key go together');
  if (tlsClientCa !== undefined && tlsCert === undefined)
    throw new WeirError('CONFIG_INVALID', '--tls-client-ca needs --tls-cert and --tls-key');
  if (tokenFile !== undefined && tokenEnv !== undefined)
    throw new WeirError('CONFIG_INVALID', 'only one of --token-file and --token-env can be given');
  const read = (file: string, flag: string): Promise<Buffer> =>
    readFile(file).catch((error: unknown) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
      throw new WeirError('CONFIG_INVALID', `${flag}: ${file} cannot be read (${code})`);
    });
  const tls =
    tlsCert === undefined || tlsKey === undefined
      ? null
      : {
          certificate: await read(tlsCert, '--tls-cert'),
          key: await read(tlsKey, '--tls-key'),
          clientCa: tlsClientCa === undefined ? null : await read(tlsClientCa, '--tls-client-ca'),
        };
  let token: string | null = null;
  if (tokenFile !== undefined) token = (await read(tokenFile, '--token-file')).toString().trim();
  if (tokenEnv !== undefined) token = process.env[tokenEnv] ?? '';
  if (token === '')
    throw new WeirError('CONFIG_INVALID', 'the token is empty; put one where the flag names it');
  return { tls, token };
}

function parseConfirmAfter(text: string): number | null {
  const confirmAfterMs = text === 'never' ? null : parseDuration(text);
  if (confirmAfterMs === null || (confirmAfterMs ?? 0) > 0) return confirmAfterMs ?? null;
  throw new WeirError(
    'CONFIG_INVALID',
    '--confirm-after must be a time in s, m, h or d, such as 1h, or never',
  );
}

function requireUrl(url: string): string {
  const problem = storeUrlProblem(url, URL_SCHEMES);
  if (problem !== null) throw new WeirError('CONFIG_INVALID', `the URL ${problem}`);
  return url;
}

function isLoopback(listen: string): boolean {
  return /^(localhost|127\.[\d.]+|\[::1\]):/.test(listen);
}
