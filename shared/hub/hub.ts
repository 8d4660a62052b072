import {
  connect,
  ErrorCode,
  Events,
  type ConnectionOptions,
  type NatsConnection,
  NatsError,
} from 'nats';
import { gatherPayloads } from './gathered-payload.ts';
import { inTime } from './in-time.ts';
import { isStorageFull, storageFullSentence } from './storage-full.ts';
import { RefusedMessages, shareRefused } from './refused-messages.ts';
import { isAbort, WeirError } from '../errors/weir-error.ts';
import { detach, ignoreFailure } from '../lifecycle/detach.ts';

/**
 * The connections of one process to NATS. Three of them, so that a burst of frames never delays a lease renewal:
 * a connection is one socket and one parser.
 */
export interface Hub {
  readonly control: NatsConnection;
  readonly publishing: NatsConnection;
  readonly consuming: NatsConnection;
  /** What came by them and is not what Weir sends. */
  readonly refused: RefusedMessages;
  close(): Promise<void>;
}

/** For each server that is named. */
const CONNECT_MS = 5_000;

export interface HubOptions {
  /** `nats://[user:password@|token@]host:port`, or `tls://…`; several separated by commas. */
  url: string;
  name: string;
}

export async function connectHub({ url, name }: HubOptions): Promise<Hub> {
  gatherPayloads();
  const opened: NatsConnection[] = [];
  try {
    for (const part of ['control', 'publishing', 'consuming']) {
      const options = connectionOptions(url, `${name}/${part}`);
      const mostMs = CONNECT_MS * (options.servers!.length + 1);
      opened.push(await inTime('connecting', connect(options), mostMs));
    }
  } catch (error) {
    await closeAll(opened);
    throw toHubError(error, url);
  }
  const [control, publishing, consuming] = opened as [
    NatsConnection,
    NatsConnection,
    NatsConnection,
  ];
  const refused = new RefusedMessages();
  shareRefused([control, publishing, consuming], refused);
  return {
    control,
    publishing,
    consuming,
    refused,
    async close() {
      await closeAll(opened);
    },
  };
}

async function closeAll(connections: readonly NatsConnection[]): Promise<void> {
  await Promise.all(connections.map((each) => inTime('closing a connection', each.close())));
}

/** Calls back each time the connection breaks, until `signal` is aborted. */
export function onDisconnect(nc: NatsConnection, signal: AbortSignal, callback: () => void): void {
  const stop = watchConnection(nc, (connected) => {
    if (!connected) callback();
  });
  signal.addEventListener('abort', stop, { once: true });
}

/** Calls back each time the connection breaks or is there again; returns how to stop. */
export function watchConnection(
  nc: NatsConnection,
  callback: (connected: boolean) => void,
): () => void {
  let stopped = false;
  const watching = (async () => {
    // eslint-disable-next-line weir/broker-calls-end -- tells as long as the connection lives; nobody waits for it
    for await (const status of nc.status()) {
      if (stopped) return;
      const type = status.type as Events;
      if (type === Events.Disconnect || type === Events.Reconnect)
        callback(type === Events.Reconnect);
    }
  })();
  detach(watching, ignoreFailure);
  return () => (stopped = true);
}

function connectionOptions(url: string, name: string): ConnectionOptions {
  const servers = url.split(',').map((part) => new URL(part.trim()));
  const [first] = servers;
  if (first === undefined) throw new WeirError('CONFIG_INVALID', 'the NATS URL is empty');
  const user = decodeURIComponent(first.username);
  const pass = decodeURIComponent(first.password);
  return {
    servers: servers.map((server) => `${server.hostname}:${server.port || 4222}`),
    name,
    ...(user !== '' && pass !== '' ? { user, pass } : {}),
    ...(user !== '' && pass === '' ? { token: user } : {}),
    ...(first.protocol === 'tls:' ? { tls: {} } : {}),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 10_000,
    maxPingOut: 2,
    timeout: CONNECT_MS,
    noAsyncTraces: true,
    ignoreAuthErrorAbort: true,
  };
}

/** A server whose store has failed keeps its connections. */
const UNANSWERED: string[] = [ErrorCode.Timeout, ErrorCode.NoResponders];

/** What went wrong with NATS, without the credentials in the URL. */
export function toHubError(error: unknown, url?: string): WeirError {
  if (error instanceof WeirError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const where = url === undefined ? 'NATS' : `NATS at ${hostsOf(url)}`;
  if (/authorization|authentication|permissions/i.test(message))
    return new WeirError(
      'ACCESS_DENIED',
      `${where} refused the credentials or a permission: ${message.toLowerCase()}`,
      { cause: error },
    );
  if (isStorageFull(error))
    return new WeirError('UNREACHABLE', storageFullSentence('this', message), { cause: error });
  if (error instanceof NatsError && UNANSWERED.includes(error.code))
    return new WeirError(
      'UNREACHABLE',
      `${where} does not answer (${message}); start it, or, where it runs, look into its log: its disk may be full or broken`,
      { cause: error },
    );
  if (isAbort(error)) return new WeirError('UNREACHABLE', `${where} did not answer in time`);
  return new WeirError(
    'UNREACHABLE',
    `${where} cannot be reached (${message}); start it or correct the address`,
    {
      cause: error,
    },
  );
}

export function hostsOf(url: string): string {
  return url
    .split(',')
    .map((part) => (URL.canParse(part.trim()) ? new URL(part.trim()).host : '(not a URL)'))
    .join(', ');
}
