import path from 'node:path';
import { onTestFinished } from 'vitest';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import {
  type RunningServer,
  serveConnector,
} from '../../services/connector-server/connector-server.ts';
import type { ServedConnector } from '../../services/connector-server/connector-service.ts';
import type { ServerAccess } from '../../services/connector-server/server-access.ts';
import { connectorFor } from '../../services/connectors/registry.ts';
import { silentLog } from './sink-pipeline.ts';

export interface ServeOptions {
  name?: string;
  listen?: string;
  access?: ServerAccess;
  confirmAfterMs?: number;
}

/** A connector as it is served, without a server. */
export async function openServed(
  url: string,
  name = 'served',
  confirmAfterMs: number | null = null,
): Promise<ServedConnector> {
  const found = await connectorFor(url);
  const { kind, takes } = found.getInfo();
  const store = found.createStore!({
    pipeline: name,
    url,
    log: silentLog(),
    workers: 2,
    confirmAfterMs,
  });
  return { store, kind, version: '1', takesAny: takes === 'any' };
}

/** A connector served on loopback, stopped after the test. */
export async function serveStore(url: string, options: ServeOptions = {}): Promise<RunningServer> {
  const { name = 'served', listen = '127.0.0.1:0', access = { tls: null, token: null } } = options;
  const connector = await openServed(url, name, options.confirmAfterMs ?? null);
  const protoFolder = path.join(projectRoot(), 'proto');
  const server = await serveConnector({ connector, listen, access, protoFolder });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= server.stop());
  onTestFinished(stop);
  return { ...server, stop };
}
