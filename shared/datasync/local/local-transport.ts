import type { Feedback, FeedbackStore, FailureRecord, Watermark } from '../feedback-store.ts';
import { isUnder } from '../prefix.ts';
import type {
  Capabilities,
  Cursor,
  Entry,
  Feed,
  FeedSink,
  FollowOptions,
  ResyncCause,
  Transport,
  WriteOperation,
} from '../transport.ts';
import { NO_REVISION, type Revision } from '../revision.ts';
import { LocalStore } from './local-store.ts';

const MARK_MS = 1_000;

const CAPABILITIES: Capabilities = {
  snapshot: true,
  transactions: true,
  ifRevision: true,
  timeToLive: true,
  clientLifetime: true,
  everyVersion: true,
  positions: false,
  feedback: true,
};

/** Answers are kept with the store. */
const feedbacks = new WeakMap<LocalStore, LocalFeedback>();

/** In this process: the model that other transports are compared with. Several may share a store. */
export function localTransport({
  store = new LocalStore(),
}: { store?: LocalStore } = {}): LocalTransport {
  return new LocalTransport(store);
}

export class LocalTransport implements Transport {
  readonly name = 'local';
  readonly capabilities = CAPABILITIES;
  readonly feedback: FeedbackStore;
  readonly store: LocalStore;
  readonly #feeds = new Set<LocalFeed>();
  readonly #client = { lifetimes: new Set<string>() };

  constructor(store: LocalStore) {
    this.store = store;
    const feedback = feedbacks.get(store) ?? new LocalFeedback();
    feedbacks.set(store, feedback);
    this.feedback = feedback;
  }

  follow(options: FollowOptions, sink: FeedSink): Feed {
    const feed = new LocalFeed(this.store, options, sink, () => this.#feeds.delete(feed));
    this.#feeds.add(feed);
    return feed;
  }

  async read(key: string, revision?: Revision): Promise<Entry | undefined> {
    return revision === undefined ? this.store.newest(key) : this.store.at(key, revision);
  }

  async write(operations: readonly WriteOperation[]): Promise<Revision> {
    return this.store.write(operations, this.#client);
  }

  async incarnation(): Promise<string> {
    return this.store.incarnation;
  }

  /** As a connection that breaks, until `reconnect`. */
  disconnect(): void {
    for (const feed of this.#feeds) feed.disconnect();
  }

  reconnect(): void {
    for (const feed of this.#feeds) feed.reconnect();
  }

  async close(): Promise<void> {
    for (const feed of this.#feeds) await feed.close();
    this.store.leave(this.#client);
  }
}

class LocalFeed implements Feed {
  readonly #store: LocalStore;
  readonly #options: FollowOptions;
  readonly #sink: FeedSink;
  readonly #onClose: () => void;
  #at: Cursor | undefined;
  #unfollow: (() => void) | undefined;
  #turns: (() => void)[] = [];
  /** Counts connections: what an earlier one still had to tell is told by the next. */
  #generation = 0;
  #isClosed = false;
  readonly #marks: NodeJS.Timeout;

  constructor(store: LocalStore, options: FollowOptions, sink: FeedSink, onClose: () => void) {
    this.#store = store;
    this.#options = options;
    this.#sink = sink;
    this.#onClose = onClose;
    this.#at = options.cursor;
    this.#marks = setInterval(() => this.#inTurn(() => this.#mark()), MARK_MS);
    this.#marks.unref();
    this.#inTurn(() => this.#connect(options.cause));
  }

  resync(cause: ResyncCause): void {
    this.#at = undefined;
    this.#generation++;
    this.#unfollow?.();
    this.#sink.reset(cause);
    this.#inTurn(() => this.#connect(cause, true));
  }

  disconnect(): void {
    this.#unfollow?.();
    this.#unfollow = undefined;
    this.#inTurn(() => this.#sink.verifying());
  }

  reconnect(): void {
    this.#inTurn(() => this.#connect('reconnect'));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#marks);
    this.#unfollow?.();
    this.#onClose();
  }

  /** The store tells of writes while they are made; whoever follows hears of them a turn later, in order. */
  #inTurn(turn: () => void): void {
    this.#turns.push(turn);
    if (this.#turns.length > 1) return;
    setImmediate(() => {
      const turns = this.#turns;
      this.#turns = [];
      for (const each of turns) if (!this.#isClosed) each();
    });
  }

  #connect(cause: ResyncCause, hasReset = false): void {
    this.#unfollow?.();
    const generation = ++this.#generation;
    const { prefixes, everyVersion } = this.#options;
    const refusal = this.#at === undefined ? cause : this.#refusal(this.#at);
    if (refusal !== undefined) {
      if (!hasReset) this.#sink.reset(refusal);
      for (const [entry] of this.#here(this.#store.since(NO_REVISION, false), prefixes, true))
        this.#sink.item(entry!);
      this.#at = this.#now();
      this.#sink.ready(this.#at);
      this.#sink.mark(this.#at);
    } else {
      this.#sink.verifying();
      for (const entries of this.#here(
        this.#store.since(this.#at!.revision, everyVersion),
        prefixes,
      ))
        this.#sink.change(entries);
      this.#at = this.#now();
      this.#sink.resumed(this.#at.incarnation);
      this.#sink.mark(this.#at);
    }
    this.#unfollow = this.#store.follow((notice) => {
      if ('made' in notice) return this.#inTurn(() => this.#connect('recreated'));
      const here = notice.entries.filter(({ key }) => isUnder(key, prefixes));
      // A store made anew in between counts otherwise.
      const at = this.#now(notice.entries[0]!.revision);
      this.#inTurn(() => {
        if (generation !== this.#generation) return;
        this.#at = at;
        if (here.length > 0) this.#sink.change(here);
      });
    });
  }

  #here(writes: Entry[][], prefixes: readonly string[], apart = false): Entry[][] {
    const here = writes.map((entries) => entries.filter(({ key }) => isUnder(key, prefixes)));
    const some = here.filter((entries) => entries.length > 0);
    return apart ? some.flat().map((entry) => [entry]) : some;
  }

  #refusal(at: Cursor): ResyncCause | undefined {
    const [made] = this.#store.incarnation.split('.');
    if (at.incarnation !== this.#store.incarnation)
      return at.incarnation.split('.')[0] === made ? 'rolled-back' : 'recreated';
    if (at.revision > this.#store.revision) return 'rolled-back';
    return at.revision < this.#store.horizon ? 'compacted' : undefined;
  }

  #now(revision: Revision = this.#store.revision): Cursor {
    return { incarnation: this.#store.incarnation, revision };
  }

  #mark(): void {
    if (this.#unfollow !== undefined && this.#at !== undefined) this.#sink.mark(this.#at);
  }
}

class LocalFeedback implements FeedbackStore {
  readonly #watermarks = new Map<string, Watermark>();
  readonly #failures = new Map<string, FailureRecord>();
  readonly #listeners = new Map<string, Set<() => void>>();

  async report(consumer: string, watermark: Watermark): Promise<void> {
    this.#watermarks.set(consumer, watermark);
    this.#tell(consumer);
  }

  async fail(consumer: string, key: string, failure: FailureRecord | undefined): Promise<void> {
    if (failure === undefined) this.#failures.delete(`${consumer} ${key}`);
    else this.#failures.set(`${consumer} ${key}`, failure);
    this.#tell(consumer);
  }

  async read(consumer: string, key: string): Promise<Feedback> {
    return {
      watermark: this.#watermarks.get(consumer),
      failure: this.#failures.get(`${consumer} ${key}`),
    };
  }

  onChange(consumer: string, callback: () => void): () => void {
    const listeners = this.#listeners.get(consumer) ?? new Set();
    this.#listeners.set(consumer, listeners);
    listeners.add(callback);
    return () => listeners.delete(callback);
  }

  #tell(consumer: string): void {
    for (const listener of this.#listeners.get(consumer) ?? []) listener();
  }
}
