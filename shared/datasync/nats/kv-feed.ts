import { createInbox, type StreamInfo } from 'nats';
import { DatasyncError } from '../datasync-error.ts';
import { isUnder } from '../prefix.ts';
import { toRevision } from '../revision.ts';
import type { Cursor, Entry, Feed, FeedSink, FollowOptions, ResyncCause } from '../transport.ts';
import { backoffMs, detach, pause, untilAborted } from '../waiting.ts';
import { whatWasMissed, type KeyList } from './key-list.ts';
import { coveringFilter, filtersOf, type KvLayout } from './kv-layout.ts';
import { isNotFound, toDatasyncError, type NatsLink } from './nats-link.ts';
import { OrderedConsumer, type ConsumerOptions } from './ordered-consumer.ts';

export interface KvFeedOptions {
  link: NatsLink;
  layout: KvLayout;
  /** The least time between two looks at the keys while the connection is well. */
  auditMs: number;
  onClose(): void;
}

const MARK_MS = 1_000;
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 5_000;

/**
 * Follows a bucket. One life is one ordered consumer; when it is lost, or the connection comes back, the next begins
 * where this one stood, if the bucket allows it: the same stream, not shorter, and every key as it was told. A snapshot
 * and the changes behind it come by one consumer, so nothing lies between them.
 */
export class KvFeed implements Feed {
  readonly #options: KvFeedOptions;
  readonly #follow: FollowOptions;
  readonly #sink: FeedSink;
  #filters: readonly string[];
  #at: Cursor | undefined;
  #cause: ResyncCause;
  #isReset = false;
  readonly #closing = new AbortController();
  /** Ends the life of now. */
  #life = new AbortController();
  #mustAudit = false;
  #auditedAt = 0;
  #history = 1;
  readonly #living: Promise<void>;
  readonly #stopListening: () => void;

  constructor(options: KvFeedOptions, follow: FollowOptions, sink: FeedSink) {
    this.#options = options;
    this.#follow = follow;
    this.#sink = sink;
    this.#filters = filtersOf(options.layout, follow.prefixes);
    this.#at = follow.cursor;
    this.#cause = follow.cause;
    this.#stopListening = options.link.onConnection(() => this.#life.abort());
    // A turn later: nothing is told while `follow` has not returned.
    this.#living = new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#live());
    detach(this.#living, (error) => sink.trouble(toDatasyncError(error)));
  }

  resync(cause: ResyncCause): void {
    this.#at = undefined;
    this.#cause = cause;
    this.#isReset = true;
    this.#sink.reset(cause);
    this.#life.abort();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#life.abort();
    this.#stopListening();
    this.#options.onClose();
    await this.#living;
  }

  async #live(): Promise<void> {
    for (let failures = 0; !this.#closing.signal.aborted;) {
      this.#life = new AbortController();
      try {
        const life = this.#life;
        // What a life still waits for when it ends, it must not do any more: it looks after each wait.
        const living = this.#liveOnce(life, () => (failures = 0));
        await untilAborted(living, life.signal);
      } catch (error) {
        failures++;
        if (!this.#life.signal.aborted) this.#sink.trouble(toTrouble(error));
      }
      if (this.#closing.signal.aborted) return;
      if (this.#at !== undefined) this.#sink.verifying();
      // A life that was ended from outside begins again at once, others in peace, so that many do not storm the server.
      const isWanted = this.#life.signal.aborted && failures < 2;
      if (!isWanted)
        await pause(backoffMs(failures, FIRST_RETRY_MS, MAX_RETRY_MS), this.#closing.signal);
    }
  }

  async #liveOnce(life: AbortController, onWell: () => void): Promise<void> {
    const { link, layout } = this.#options;
    const info = await link.streamInfo(layout, true);
    life.signal.throwIfAborted();
    this.#history = info.config.max_msgs_per_subject;
    if (this.#filters.length > 1 && !(await link.isAtLeast(2, 10)))
      this.#filters = [coveringFilter(this.#filters)];
    const cause = this.#at === undefined ? this.#cause : refusal(this.#at, info);
    life.signal.throwIfAborted();
    let consumer: OrderedConsumer | undefined;
    try {
      consumer =
        cause === undefined ? await this.#resume(life) : await this.#begin(cause, info, life);
      if (consumer === undefined) return;
      this.#sink.trouble(undefined);
      onWell();
      await this.#keepMarking(consumer, life);
    } finally {
      consumer?.close();
    }
  }

  /** A snapshot, and what follows it. */
  async #begin(
    cause: ResyncCause,
    info: StreamInfo,
    life: AbortController,
  ): Promise<OrderedConsumer> {
    if (!this.#isReset || this.#cause !== cause) this.#sink.reset(cause);
    this.#at = undefined;
    this.#cause = cause;
    this.#isReset = true;
    const incarnation = incarnationOf(info);
    const consumer = await this.#open({ policy: 'last' }, life, (entry, pending) => {
      if (this.#at === undefined) this.#sink.item(entry);
      else this.#give(entry, pending);
    });
    try {
      await consumer.caughtUp();
      life.signal.throwIfAborted();
      const revision = toRevision(Math.max(consumer.streamSequence, info.state.last_seq));
      this.#at = { incarnation, revision };
      this.#isReset = false;
      // What was deleted and purged while the snapshot came is in it still.
      this.#mustAudit = revision > BigInt(info.state.last_seq);
      this.#auditedAt = Date.now();
      this.#sink.ready(this.#at);
      return consumer;
    } catch (error) {
      consumer.close();
      throw error;
    }
  }

  /** Undefined where the keys show that something was missed; then the next life begins anew. */
  async #resume(life: AbortController): Promise<OrderedConsumer | undefined> {
    const at = this.#at!;
    this.#sink.verifying();
    const sequence = Number(at.revision) + 1;
    const consumer = await this.#open({ policy: 'sequence', sequence }, life, (entry, pending) =>
      this.#give(entry, pending),
    );
    try {
      // Asked for only now: what is purged from here on, this consumer sees before.
      const isSame =
        at.tail === tailOf(await this.#options.link.streamInfo(this.#options.layout, true));
      life.signal.throwIfAborted();
      if (!isSame) {
        await consumer.caughtUp();
        life.signal.throwIfAborted();
        if (await this.#hasMissed(life)) {
          consumer.close();
          return undefined;
        }
      }
      this.#sink.resumed(at.incarnation);
      return consumer;
    } catch (error) {
      consumer.close();
      throw error;
    }
  }

  async #open(
    from: ConsumerOptions['from'],
    life: AbortController,
    onEntry: (entry: Entry, pending: number) => void,
    headersOnly = false,
  ): Promise<OrderedConsumer> {
    const { link, layout } = this.#options;
    const nc = await link.connection();
    const manager = await link.manager();
    const { prefixes } = this.#follow;
    const consumer = await OrderedConsumer.open(nc, manager, createInbox(), {
      layout,
      filters: this.#filters,
      from,
      headersOnly,
      onEntry: (entry, pending) => {
        if (!life.signal.aborted && isUnder(entry.key, prefixes)) onEntry(entry, pending);
      },
      onLost: () => life.abort(),
    });
    life.signal.addEventListener('abort', () => consumer.close(), { once: true });
    if (life.signal.aborted) consumer.close();
    life.signal.throwIfAborted();
    return consumer;
  }

  #give(entry: Entry, pending: number): void {
    const { incarnation } = this.#at!;
    this.#passOver(entry.revision - 1n);
    this.#at = { incarnation, revision: entry.revision };
    // Whatever the store forgot of this key had as many newer versions as it keeps, and they came behind this one.
    const mayFollowLost = this.#follow.everyVersion && pending >= this.#history - 1;
    this.#sink.change([mayFollowLost ? { ...entry, mayFollowLost } : entry]);
  }

  /** About once a second: that the bucket is the same, that nothing waits, and that no key has gone unseen. */
  async #keepMarking(consumer: OrderedConsumer, life: AbortController): Promise<void> {
    for (; ; await pause(MARK_MS, life.signal)) {
      if (life.signal.aborted) return;
      const { link, layout, auditMs } = this.#options;
      const info = await link.streamInfo(layout);
      if (this.#at === undefined || refusal(this.#at, info) !== undefined) return;
      const isIdle = await consumer.isIdle();
      if (life.signal.aborted) return;
      if (this.#mustAudit && Date.now() - this.#auditedAt >= auditMs) {
        if (await this.#hasMissed(life)) return;
        continue;
      }
      if (isIdle) this.#mark(info);
    }
  }

  /** Revisions that were not seen are of other keys, or of delete markers that are purged already. */
  #passOver(upTo: bigint): void {
    if (upTo > this.#at!.revision) this.#mustAudit = true;
  }

  #mark(info: StreamInfo): void {
    const at = this.#at!;
    const last = toRevision(info.state.last_seq);
    const isNewer = at.revision > last;
    this.#passOver(last);
    const tail = this.#mustAudit || isNewer ? {} : { tail: tailOf(info) };
    const { incarnation } = at;
    this.#at = { incarnation, revision: isNewer ? at.revision : last, ...tail };
    this.#sink.mark(this.#at);
  }

  /** Looks at all keys; where they show that something was missed, the next life begins with that cause. */
  async #hasMissed(life: AbortController): Promise<boolean> {
    // What is passed over from here on, the list need not show.
    this.#mustAudit = false;
    const list = await this.#listKeys(life);
    this.#auditedAt = Date.now();
    const missed = whatWasMissed(this.#follow.known, list, this.#at!.revision);
    if (missed === undefined) return false;
    this.#at = undefined;
    this.#cause = missed;
    this.#isReset = false;
    life.abort();
    return true;
  }

  async #listKeys(life: AbortController): Promise<KeyList> {
    const { link, layout } = this.#options;
    const info = await link.streamInfo(layout, true);
    const entries = new Map<string, Entry>();
    const onEntry = (entry: Entry): void => void entries.set(entry.key, entry);
    const consumer = await this.#open({ policy: 'last' }, life, onEntry, true);
    try {
      await consumer.caughtUp();
      life.signal.throwIfAborted();
      const asOf = BigInt(Math.max(consumer.streamSequence, info.state.last_seq));
      return { entries, asOf };
    } finally {
      consumer.close();
    }
  }
}

function refusal(at: Cursor, info: StreamInfo): ResyncCause | undefined {
  if (at.incarnation !== incarnationOf(info)) return 'recreated';
  return at.revision > BigInt(info.state.last_seq) ? 'rolled-back' : undefined;
}

export function incarnationOf(info: StreamInfo): string {
  return String(info.created);
}

/** Changes with whatever is written to the bucket or purged from it. */
function tailOf({ state }: StreamInfo): string {
  return [state.first_seq, state.last_seq, state.messages, state.last_ts].join(' ');
}

function toTrouble(error: unknown): DatasyncError {
  if (isNotFound(error))
    return new DatasyncError('NOT_FOUND', 'the bucket or its consumer is gone', { cause: error });
  return toDatasyncError(error);
}
