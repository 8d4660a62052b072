import type { DatasyncError } from './datasync-error.ts';
import { isUnder } from './prefix.ts';
import { ResyncRun, type ResyncHost } from './resync-run.ts';
import type { Revision } from './revision.ts';
import { toRevision } from './revision.ts';
import type {
  Cursor,
  Entry,
  Feed,
  FeedSink,
  KnownKeys,
  ResyncCause,
  Transport,
} from './transport.ts';
import type { WatchState } from './watch-state.ts';
import type { WorkQueue, WorkScope } from './work-queue.ts';

/** What a subscription needs of its watch. */
export interface SubscriptionHost extends ResyncHost {
  readonly transport: Transport;
  readonly state: WatchState;
  readonly queue: WorkQueue;
  readonly everyVersion: boolean;
  /** Work may have become possible. */
  pump(): void;
  /** The phase, the position or a trouble has changed. */
  changed(): void;
  troubled(error: DatasyncError | undefined): void;
}

/**
 * One feed of the transport and its place in the contract: a RESYNC before anything else, the gate behind it, epochs, and
 * the cursor from which the next process may go on. A watch has one, and one more for each prefix added later.
 */
export class Subscription implements FeedSink, WorkScope {
  readonly prefixes: readonly string[];
  lastMarkAt = 0;
  #phase: 'fresh' | 'snapshot' | 'resync' | 'open' | 'closed' = 'fresh';
  #verified = false;
  #host: SubscriptionHost;
  #feed: Feed | undefined;
  #epoch = new AbortController();
  #run: ResyncRun | undefined;
  /** RESYNCs come one after the other: a handler that ignores its signal holds up the next. */
  #runs: Promise<void> = Promise.resolve();
  #snapshot = new Map<string, Entry>();
  #cause: ResyncCause;
  /** Everything up to here has come. */
  #position: Cursor | undefined;

  constructor(host: SubscriptionHost, prefixes: readonly string[], cause: ResyncCause) {
    this.#host = host;
    this.prefixes = prefixes;
    this.#cause = cause;
  }

  follow(cursor: Cursor | undefined): void {
    this.#position = cursor;
    this.#feed = this.#host.transport.follow(
      {
        prefixes: this.prefixes,
        everyVersion: this.#host.everyVersion,
        cursor,
        cause: this.#cause,
        known: this.#known(),
      },
      this,
    );
  }

  /** Whether changes may be given: RESYNC is done, and nothing was missed since. */
  get isOpen(): boolean {
    return this.#phase === 'open' && this.#verified;
  }

  /** As others see it that come after this watch. */
  get resyncPhase(): 'pending' | 'failed' | 'open' {
    if (this.#run?.hasFailed === true) return 'failed';
    return this.isOpen ? 'open' : 'pending';
  }

  get isResyncing(): boolean {
    return this.#phase === 'snapshot' || this.#phase === 'resync';
  }

  get epoch(): AbortSignal {
    return this.#epoch.signal;
  }

  get position(): Cursor | undefined {
    return this.#position;
  }

  resync(cause: ResyncCause): void {
    this.#feed?.resync(cause);
  }

  verifying(): void {
    this.#verified = false;
    this.#host.changed();
  }

  resumed(incarnation: string): void {
    this.#verified = true;
    this.lastMarkAt = Date.now();
    if (this.#phase === 'fresh') this.#phase = 'open';
    this.#position ??= { incarnation, revision: toRevision(0n) };
    this.#host.changed();
    this.#host.pump();
  }

  reset(cause: ResyncCause): void {
    if (this.#phase === 'closed') return;
    this.#endEpoch();
    this.#cause = cause;
    this.#phase = 'snapshot';
    this.#verified = false;
    this.#snapshot = new Map();
    // What waited here may have been given in part: if the snapshot lacks it, its end is told.
    const forgotten = this.#host.queue.clear(this);
    this.#host.state.touch(forgotten.map(({ key }) => key));
    this.#host.resyncBegins(cause);
    this.#host.changed();
  }

  item(entry: Entry): void {
    if (this.#phase !== 'snapshot') return;
    if (entry.kind === 'put') this.#snapshot.set(entry.key, entry);
    else this.#snapshot.delete(entry.key);
  }

  ready(at: Cursor): void {
    if (this.#phase !== 'snapshot') return;
    this.#phase = 'resync';
    this.#verified = true;
    this.#position = at;
    this.lastMarkAt = Date.now();
    const run = new ResyncRun({
      host: this.#host,
      prefixes: this.prefixes,
      cause: this.#cause,
      snapshot: this.#snapshot,
      at,
      epoch: this.#epoch.signal,
      /** Changes that came meanwhile, for a repetition. */
      newer: () => ({ entries: this.#host.queue.clear(this), at: this.#position ?? at }),
      onDone: (revision, held) => this.#opened(revision, held),
    });
    this.#run = run;
    this.#runs = this.#runs.then(() => run.carryOut());
  }

  change(entries: readonly Entry[]): void {
    const last = entries.at(-1);
    if (last === undefined || this.#phase === 'closed' || this.#position === undefined) return;
    const { incarnation } = this.#position;
    this.#position = { incarnation, revision: last.revision };
    const news = entries.filter((entry) => this.#isNews(entry));
    if (news.length > 0) this.#host.queue.add(news, this);
    this.lastMarkAt = Date.now();
    this.#host.changed();
    this.#host.pump();
  }

  trouble(error: DatasyncError | undefined): void {
    this.#host.troubled(error);
  }

  mark(at: Cursor): void {
    if (this.#phase === 'closed') return;
    this.#position = at;
    this.lastMarkAt = Date.now();
    this.#host.changed();
  }

  /** Where the next process may go on: everything up to here is answered or has failed. */
  cursor(): Cursor | undefined {
    const position = this.#position;
    if (position === undefined || this.#phase !== 'open') return undefined;
    let least = position.revision as bigint;
    for (const { revision } of this.#host.queue.entriesOf(this))
      if (revision <= least) least = revision - 1n;
    const { incarnation } = position;
    return least === position.revision ? position : { incarnation, revision: toRevision(least) };
  }

  async close(): Promise<void> {
    this.#phase = 'closed';
    this.#endEpoch();
    this.#host.state.touch(this.#host.queue.clear(this).map(({ key }) => key));
    await this.#feed?.close();
  }

  /** Until the last RESYNC handler has returned. */
  async settled(): Promise<void> {
    await this.#runs;
  }

  #opened(revision: Revision, held: readonly Entry[]): void {
    this.#snapshot = new Map();
    this.#run = undefined;
    // A key whose handler has not returned gets its value as a change, when it has.
    for (const entry of held) {
      const newest = this.#host.queue.newest(entry.key);
      const isOld =
        newest !== undefined && this.#isWaitingHere(newest) && newest.revision > revision;
      if (!isOld) this.#host.queue.add([entry], this);
    }
    this.#phase = 'open';
    this.#host.changed();
    this.#host.pump();
  }

  #isWaitingHere(entry: Entry): boolean {
    for (const each of this.#host.queue.entriesOf(this)) if (each === entry) return true;
    return false;
  }

  #endEpoch(): void {
    this.#run = undefined;
    this.#epoch.abort();
    this.#epoch = new AbortController();
  }

  #isNews({ key, revision, kind }: Entry): boolean {
    const { state, queue } = this.#host;
    if (this.#phase !== 'open' && this.#phase !== 'fresh') {
      // Until RESYNC is done, what was answered may count in another incarnation.
      return (
        kind === 'put' || this.#snapshot.has(key) || queue.has(key) || state.get(key) !== undefined
      );
    }
    const newest = queue.newest(key);
    if (newest !== undefined) return revision > newest.revision;
    const failed = state.failures.get(key);
    if (failed !== undefined && failed.revision >= revision) return false;
    const known = state.get(key);
    if (known === undefined) return kind === 'put';
    if (known.is === 'touched') return true;
    if (known.revision >= revision) return false;
    return known.is === 'answered' || kind === 'put';
  }

  /** For a transport that compares lists: what has come, whether answered or not. */
  #known(): KnownKeys {
    const { state, queue } = this.#host;
    const isHere = (key: string): boolean => isUnder(key, this.prefixes);
    return {
      *keys() {
        for (const key of state.keys()) if (isHere(key)) yield key;
        for (const key of queue.keys()) if (isHere(key) && state.get(key) === undefined) yield key;
      },
      get(key) {
        const newest = queue.newest(key);
        if (newest !== undefined) return newest.kind === 'put' ? newest : undefined;
        const known = state.get(key);
        const failed = state.failures.get(key);
        if (failed !== undefined && known?.is !== 'gone')
          return { revision: failed.revision, stamp: NaN };
        if (known?.is === 'answered') return known;
        return known?.is === 'touched' ? { revision: toRevision(0n), stamp: NaN } : undefined;
      },
    };
  }
}
