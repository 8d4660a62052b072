import {
  connect,
  Events,
  NatsError,
  type ConnectionOptions,
  type JetStreamClient,
  type JetStreamManager,
  type NatsConnection,
  type StreamInfo,
} from 'nats';
import { DatasyncError, reasonOf } from '../datasync-error.ts';
import { detach } from '../waiting.ts';
import { inTime } from './in-time.ts';
import type { KvLayout } from './kv-layout.ts';

export interface NatsLinkOptions {
  servers: string | string[];
  name: string;
  connection: ConnectionOptions;
}

/** Facts of the stream so old serve all watches that ask meanwhile. */
const INFO_MS = 200;

/** One connection for everything, made when first needed; it comes back by itself as often as it breaks. */
export class NatsLink {
  readonly #options: NatsLinkOptions;
  #connecting: Promise<NatsConnection> | undefined;
  #listeners = new Set<(connected: boolean) => void>();
  #info: { at: number; of: Promise<StreamInfo> } | undefined;
  #closed = false;
  #isConnected = false;

  constructor(options: NatsLinkOptions) {
    this.#options = options;
  }

  async connection(): Promise<NatsConnection> {
    if (this.#closed) throw new DatasyncError('CLOSED', 'the connection to NATS is closed');
    return (this.#connecting ??= this.#connect());
  }

  async jetstream(): Promise<JetStreamClient> {
    return (await this.connection()).jetstream();
  }

  async manager(): Promise<JetStreamManager> {
    const nc = await this.connection();
    return inTime('asking for JetStream', nc.jetstreamManager({ checkAPI: false }));
  }

  /** Whether the server is of this version or a later one. */
  async isAtLeast(major: number, minor: number): Promise<boolean> {
    const nc = await this.connection();
    const [has = 0, hasMinor = 0] = (nc.info?.version ?? '').split('.').map(Number);
    return has > major || (has === major && hasMinor >= minor);
  }

  /** Facts of the bucket's stream, at most a moment old. */
  async streamInfo({ stream, bucket }: KvLayout, isFresh = false): Promise<StreamInfo> {
    const now = Date.now();
    if (isFresh || this.#info === undefined || now - this.#info.at > INFO_MS) {
      const of = this.#readInfo(stream);
      // Each caller awaits it below and sees the failure.
      of.catch(() => undefined);
      this.#info = { at: now, of };
    }
    try {
      return await this.#info.of;
    } catch (error) {
      if (isNotFound(error))
        throw new DatasyncError(
          'NOT_FOUND',
          `there is no bucket "${bucket}"; make it, or let "create" do so`,
          { cause: error },
        );
      throw toDatasyncError(error);
    }
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const closing = this.#connecting?.then((nc) => inTime('closing', nc.close()));
    // One that has never come to be has nothing to wait for.
    if (closing !== undefined && this.#isConnected) await closing;
    // What never connected has nothing to lose when it is closed.
    else closing?.catch(() => undefined);
  }

  async #readInfo(stream: string): Promise<StreamInfo> {
    const manager = await this.manager();
    return inTime('asking for the bucket', manager.streams.info(stream));
  }

  async #connect(): Promise<NatsConnection> {
    const { servers, name, connection } = this.#options;
    // eslint-disable-next-line weir/broker-calls-end -- a watch waits for its server as long as it takes
    const nc = await connect({
      servers,
      name,
      waitOnFirstConnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      pingInterval: 10_000,
      maxPingOut: 2,
      timeout: 5_000,
      noAsyncTraces: true,
      ignoreAuthErrorAbort: true,
      ...connection,
    });
    this.#isConnected = true;
    detach(this.#listen(nc), () => undefined);
    return nc;
  }

  async #listen(nc: NatsConnection): Promise<void> {
    // eslint-disable-next-line weir/broker-calls-end -- tells as long as the connection lives; nobody waits for it
    for await (const { type } of nc.status()) {
      const event = type as Events;
      if (event !== Events.Disconnect && event !== Events.Reconnect) continue;
      for (const listener of this.#listeners) listener(event === Events.Reconnect);
    }
  }
}

/** Of JetStream's answers. */
const STREAM_NOT_FOUND = 10059;
const CONSUMER_NOT_FOUND = 10014;

export function isNotFound(error: unknown): boolean {
  const code = error instanceof NatsError ? error.api_error?.err_code : undefined;
  return code === STREAM_NOT_FOUND || code === CONSUMER_NOT_FOUND;
}

export function toDatasyncError(error: unknown): DatasyncError {
  if (error instanceof DatasyncError) return error;
  return new DatasyncError('UNREACHABLE', `NATS: ${reasonOf(error).toLowerCase()}`, {
    cause: error,
  });
}
