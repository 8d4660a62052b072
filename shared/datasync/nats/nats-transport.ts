import { ErrorCode, NatsError, type ConnectionOptions, type StoredMsg } from 'nats';
import { DatasyncError, unsupported } from '../datasync-error.ts';
import type { FeedbackStore } from '../feedback-store.ts';
import { toRevision, type Revision } from '../revision.ts';
import type {
  Capabilities,
  Entry,
  Feed,
  FeedSink,
  FollowOptions,
  Transport,
  WriteOperation,
} from '../transport.ts';
import { detach } from '../waiting.ts';
import { inTime } from './in-time.ts';
import { incarnationOf, KvFeed } from './kv-feed.ts';
import { KvFeedback } from './kv-feedback.ts';
import { filtersOf, keyOf, kvLayout, subjectOf, type KvLayout } from './kv-layout.ts';
import { writeKey } from './kv-writer.ts';
import { NatsLink, toDatasyncError } from './nats-link.ts';

export interface NatsTransportOptions {
  /** `host:port` or `nats://host:port`, one or several of a cluster. */
  servers: string | string[];
  bucket: string;
  /** Makes the bucket where there is none; `history` is how many versions of a key it keeps. */
  create?: boolean | { history?: number };
  /** Where consumers' answers are kept; `<bucket>-status` when left out. */
  statusBucket?: string;
  /** More for the client: credentials, TLS. */
  connection?: ConnectionOptions;
  /** The least time between two comparisons of all keys, after revisions went by unseen; 30 s when left out. */
  auditMs?: number;
}

const CAPABILITIES: Capabilities = {
  snapshot: true,
  transactions: false,
  ifRevision: true,
  timeToLive: false,
  clientLifetime: false,
  everyVersion: true,
  positions: false,
  feedback: true,
};

/** A KV bucket of NATS JetStream, also one that other programs write. */
export function natsTransport(options: NatsTransportOptions): Transport {
  return new NatsTransport(options);
}

class NatsTransport implements Transport {
  readonly name = 'nats';
  readonly capabilities = CAPABILITIES;
  readonly feedback: FeedbackStore;
  readonly #layout: KvLayout;
  readonly #link: NatsLink;
  readonly #auditMs: number;
  readonly #create: NatsTransportOptions['create'];
  readonly #feeds = new Set<KvFeed>();
  #making: Promise<void> | undefined;

  constructor(options: NatsTransportOptions) {
    const { servers, bucket, create, connection = {}, auditMs = 30_000 } = options;
    this.#layout = kvLayout(bucket);
    this.#create = create;
    this.#auditMs = auditMs;
    this.#link = new NatsLink({ servers, name: `datasync ${bucket}`, connection });
    this.feedback = new KvFeedback(this.#link, options.statusBucket ?? `${bucket}-status`);
  }

  follow(options: FollowOptions, sink: FeedSink): Feed {
    // Refuses prefixes that no key can have.
    filtersOf(this.#layout, options.prefixes);
    detach(this.#make(), (error) => sink.trouble(toDatasyncError(error)));
    const onClose = (): void => void this.#feeds.delete(feed);
    const feed = new KvFeed(
      { link: this.#link, layout: this.#layout, auditMs: this.#auditMs, onClose },
      options,
      sink,
    );
    this.#feeds.add(feed);
    return feed;
  }

  async read(key: string, revision?: Revision): Promise<Entry | undefined> {
    const subject = subjectOf(this.#layout, key);
    const manager = await this.#link.manager();
    const which = revision === undefined ? { last_by_subj: subject } : { seq: Number(revision) };
    try {
      const message = await inTime(
        'reading a value',
        manager.streams.getMessage(this.#layout.stream, which),
      );
      return message.subject === subject ? toEntry(this.#layout, message) : undefined;
    } catch (error) {
      if (isNoMessage(error)) return undefined;
      throw toDatasyncError(error);
    }
  }

  async write(operations: readonly WriteOperation[]): Promise<Revision> {
    const [operation, ...more] = operations;
    if (operation === undefined || more.length > 0)
      throw unsupported(this.name, 'batch', 'a bucket takes one key at a time');
    await this.#make();
    return writeKey(this.#link, this.#layout, operation, (key) => this.read(key));
  }

  async incarnation(): Promise<string> {
    return incarnationOf(await this.#link.streamInfo(this.#layout, true));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#feeds].map((feed) => feed.close()));
    await this.#link.close();
  }

  async #make(): Promise<void> {
    if (this.#create === undefined || this.#create === false) return;
    const { history = 1 } = this.#create === true ? {} : this.#create;
    this.#making ??= this.#makeOnce(history);
    try {
      await this.#making;
    } catch (error) {
      this.#making = undefined;
      throw error;
    }
  }

  async #makeOnce(history: number): Promise<void> {
    const js = await this.#link.jetstream();
    await inTime('making the bucket', js.views.kv(this.#layout.bucket, { history }));
  }
}

function isNoMessage(error: unknown): boolean {
  if (!(error instanceof NatsError)) return false;
  return (
    error.code === (ErrorCode.JetStream404NoMessages as string) ||
    error.api_error?.err_code === 10037
  );
}

function toEntry(layout: KvLayout, message: StoredMsg): Entry {
  const operation = message.header.get('KV-Operation');
  const isDelete =
    operation === 'DEL' || operation === 'PURGE' || message.header.has('Nats-Marker-Reason');
  return {
    key: keyOf(layout, message.subject),
    revision: toRevision(message.seq),
    kind: isDelete ? 'delete' : 'put',
    stamp: toNanoseconds(message.timestamp),
    ...(isDelete ? {} : { value: message.data }),
  };
}

/** The same number that a delivery names, rounded in the same way. */
function toNanoseconds(timestamp: string): number {
  const [, seconds, fraction = ''] = /^(.*:\d\d)(?:\.(\d+))?Z$/.exec(timestamp) ?? [];
  if (seconds === undefined)
    throw new DatasyncError('INVALID', `NATS says a time that is none: "${timestamp}"`);
  const whole = BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n;
  return Number(whole + BigInt(fraction.padEnd(9, '0').slice(0, 9)));
}
