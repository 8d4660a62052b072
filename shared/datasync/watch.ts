import { ChangeDispatcher } from './change-dispatcher.ts';
import { json, type Decode } from './codec.ts';
import type { ConsumerOrder, OrderedConsumer } from './consumer-order.ts';
import { DatasyncError, reasonOf, unsupported } from './datasync-error.ts';
import type { EventLog } from './event-log.ts';
import { FeedbackReporter } from './feedback-reporter.ts';
import { memoryState } from './memory-state.ts';
import { isUnder, requireApart, withoutCovered } from './prefix.ts';
import { PullQueue, type PulledEvent } from './pull.ts';
import { giveItems, giveRemoved } from './resync-items.ts';
import { ABORT_GRACE_MS, failedOutcome, type GivenResync } from './resync-run.ts';
import { toRevision, type Revision } from './revision.ts';
import { Subscription, type SubscriptionHost } from './subscription.ts';
import type { Entry, ResyncCause, Transport } from './transport.ts';
import { Changes, detach, settlesWithin } from './waiting.ts';
import type { Change, FailedKey, ResyncOutcome, WatchPhase } from './watch-event.ts';
import { WatchMeter } from './watch-meter.ts';
import type { WatchOptions } from './watch-options.ts';
import type { WatchState } from './watch-state.ts';
import { WorkQueue } from './work-queue.ts';

export interface WatchContext {
  transport: Transport;
  order: ConsumerOrder;
  log: EventLog;
  /** Notified when a watch's phase changes, for those that come after it. */
  phases: Changes;
}

/** How old news may be, and work, before a watch is behind. */
const FRESH_MS = 5_000;
const PERSIST_MS = 200;

export class Watch<T = unknown> implements OrderedConsumer, AsyncDisposable {
  readonly name: string;
  readonly critical: boolean;
  readonly after: readonly string[] | undefined;
  readonly meter = new WatchMeter();
  readonly #options: WatchOptions<T>;
  readonly #context: WatchContext;
  readonly #state: WatchState;
  readonly #queue: WorkQueue;
  readonly #decode: Decode<T>;
  readonly #doneMs: number;
  readonly #changes = new Changes();
  readonly #reporter: FeedbackReporter | undefined;
  readonly #pull: PullQueue<T> | undefined;
  readonly #dispatcher: ChangeDispatcher<T>;
  #isResyncStuck = false;
  #trouble: DatasyncError | undefined;
  #subscriptions: Subscription[] = [];
  /** Those whose RESYNC was given in this process: what the state does not know was then never given. */
  readonly #sure = new Set<string>();
  #epochs = 0;
  #closed = false;
  #phase: WatchPhase = 'waiting';
  #oldestWorkAt = 0;
  #outcomes: ((outcome: ResyncOutcome) => void)[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(options: WatchOptions<T>, context: WatchContext) {
    this.name = options.name;
    this.critical = options.critical ?? false;
    this.after = options.after;
    this.#options = options;
    this.#context = context;
    this.#state = options.state ?? memoryState();
    this.#decode = options.decode ?? json<T>();
    this.#doneMs = options.doneMs ?? 30_000;
    this.#queue = new WorkQueue({
      folds: options.mode !== 'every',
      maxBytes: options.maxBytes ?? 64 * 1024 * 1024,
    });
    const { transport } = context;
    if (options.mode === 'every' && !transport.capabilities.everyVersion)
      throw unsupported(transport.name, "mode: 'every'", 'its store keeps no versions');
    if (transport.capabilities.feedback)
      this.#reporter = new FeedbackReporter(transport.feedback, this.name, {
        watermark: () => this.#watermark(),
        onTrouble: (error) => this.#emitTrouble(error),
      });
    if (options.resync === undefined) this.#pull = new PullQueue<T>();
    this.#dispatcher = new ChangeDispatcher({
      parallel: options.parallel ?? 8,
      attempts: options.attempts ?? 10,
      doneMs: this.#doneMs,
      everyVersion: options.mode === 'every',
      queue: this.#queue,
      state: this.#state,
      meter: this.meter,
      decode: this.#decode,
      isSure: (key) => [...this.#sure].some((prefix) => key.startsWith(prefix)),
      valueOf: (entry) => this.#valueOf(entry),
      give: (changes, signal) => this.#giveChange(changes, signal),
      failKey: (key, revision, error, attempts) => this.#failKey(key, revision, error, attempts),
      repairKey: (key) => this.#repairKey(key),
      onStuck: (keys) => {
        this.#context.log.emit({ kind: 'stuck', name: this.name, keys });
        this.#changed();
      },
      onChange: () => this.#changed(),
      onTrouble: (error) => this.#emitTrouble(error),
    });
    this.#timer = setInterval(() => this.#tick(), PERSIST_MS);
    this.#timer.unref();
  }

  start(): void {
    this.#state.open();
    const prefixes = withoutCovered(this.#options.prefixes);
    const known = prefixes.filter((prefix) => this.#state.cursor(prefix) !== undefined);
    const fresh = prefixes.filter((prefix) => !known.includes(prefix));
    if (this.#state.remembers) for (const prefix of prefixes) this.#sure.add(prefix);
    const cursors = known.map((prefix) => this.#state.cursor(prefix)!);
    const [first] = cursors;
    if (first !== undefined) {
      const least = cursors.reduce((a, b) => (b.revision < a.revision ? b : a));
      const isOne = cursors.every(({ incarnation }) => incarnation === first.incarnation);
      this.#subscribe(known, 'start', isOne ? least : { ...first, incarnation: '' });
    }
    if (fresh.length > 0)
      this.#subscribe(fresh, first === undefined ? 'start' : 'prefix-added', undefined);
  }

  get state(): WatchPhase {
    return this.#phase;
  }

  get resyncPhase(): 'pending' | 'failed' | 'open' | 'closed' {
    if (this.#closed) return 'closed';
    const phases = this.#subscriptions.map((each) => each.resyncPhase);
    if (phases.includes('failed')) return 'failed';
    return phases.includes('pending') ? 'pending' : 'open';
  }

  get prefixes(): string[] {
    return this.#subscriptions.flatMap((each) => [...each.prefixes]);
  }

  /** What is wrong with the store, while it is. */
  get trouble(): DatasyncError | undefined {
    return this.#trouble;
  }

  get failedKeys(): FailedKey[] {
    return [...this.#state.failures].map(([key, failure]) => ({ key, ...failure }));
  }

  /** Keys whose handler has not returned though its time was over or its epoch has ended. */
  get stuckKeys(): string[] {
    return this.#dispatcher.stuckKeys;
  }

  /** Everything up to here is answered, or has failed; undefined before the first RESYNC. */
  get revision(): Revision | undefined {
    const cursors = this.#subscriptions.map((each) => each.cursor()?.revision);
    if (cursors.length === 0 || cursors.includes(undefined)) return undefined;
    return cursors.reduce((a, b) => (b! < a! ? b : a));
  }

  get waiting(): number {
    return this.#queue.waiting;
  }

  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  /** Resolves when everything up to there is answered: read your own write. */
  async reached(
    where: { revision: Revision } | { position: unknown },
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<void> {
    const { transport } = this.#context;
    if (!('revision' in where))
      throw unsupported(transport.name, 'position', 'its store knows none of a source');
    for (;;) {
      signal?.throwIfAborted();
      if (this.#closed) throw closedError(this.name);
      const revision = this.revision;
      if (revision !== undefined && revision >= where.revision) return;
      await this.#changes.next(signal);
    }
  }

  /** Resolves when the watch has this state, or is closed. */
  async reachedState(state: WatchPhase): Promise<void> {
    while (this.#phase !== state) {
      if (this.#closed) throw closedError(this.name);
      await this.#changes.next();
    }
  }

  /** Watches one more prefix; resolves when its RESYNC is done. */
  async addPrefix(prefix: string): Promise<void> {
    if (this.#closed) throw closedError(this.name);
    requireApart(prefix, this.prefixes);
    if (this.#state.remembers) this.#sure.add(prefix);
    const subscription = this.#subscribe([prefix], 'prefix-added', this.#state.cursor(prefix));
    while (!subscription.isOpen) {
      if (this.#closed) throw closedError(this.name);
      await this.#changes.next();
    }
  }

  /** The events, for loops of one's own; each must be answered with `done`. */
  pull(): AsyncIterableIterator<PulledEvent<T>> {
    if (this.#pull === undefined)
      throw new DatasyncError(
        'INVALID',
        `"${this.name}" has handlers; pull() is for a watch without`,
      );
    return this.#pull.iterate();
  }

  /** Begins anew, all prefixes in one RESYNC; gives what the first attempt came to. */
  resyncNow(cause: ResyncCause): Promise<ResyncOutcome> {
    const outcome = new Promise<ResyncOutcome>((resolve) => this.#outcomes.push(resolve));
    if (this.#subscriptions.length === 1) {
      this.#subscriptions[0]!.resync(cause);
      return outcome;
    }
    const prefixes = this.prefixes;
    const old = this.#subscriptions;
    this.#subscriptions = [];
    for (const each of old) detach(each.close(), (error) => this.#emitTrouble(error));
    this.#subscribe(prefixes, cause, undefined);
    return outcome;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#persist();
    this.#closed = true;
    clearInterval(this.#timer);
    this.#context.order.remove(this.name);
    await Promise.all(this.#subscriptions.map((each) => each.close()));
    this.#pull?.close();
    await this.#dispatcher.close();
    const resyncs = Promise.all(this.#subscriptions.map((each) => each.settled()));
    await settlesWithin(ABORT_GRACE_MS, resyncs);
    this.#queue.close();
    await this.#reporter?.close();
    this.#state.close();
    this.#updatePhase();
    for (const resolve of this.#outcomes.splice(0))
      resolve(failedOutcome(this.name, 'manual', Date.now(), closedError(this.name)));
    this.#changes.notify();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #subscribe(
    prefixes: readonly string[],
    cause: ResyncCause,
    cursor: Parameters<Subscription['follow']>[0],
  ): Subscription {
    const subscription = new Subscription(this.#host(prefixes), prefixes, cause);
    this.#subscriptions.push(subscription);
    subscription.follow(cursor);
    this.#updatePhase();
    return subscription;
  }

  #host(prefixes: readonly string[]): SubscriptionHost {
    return {
      name: this.name,
      doneMs: this.#doneMs,
      transport: this.#context.transport,
      state: this.#state,
      queue: this.#queue,
      everyVersion: this.#options.mode === 'every',
      pump: () => this.#dispatcher.pump(),
      changed: () => this.#changed(),
      troubled: (error) => this.#troubled(error),
      resyncBegins: (cause) => {
        this.#epochs++;
        this.meter.resync(cause);
      },
      awaitTurn: (epoch) => this.#awaitTurn(epoch),
      awaitRunning: (isHere) => this.#dispatcher.awaitRunning(isHere),
      giveResync: (given, signal) => this.#giveResync(given, signal),
      valueOf: (entry) => this.#valueOf(entry),
      resyncFailed: (error, cause, startedAt) =>
        this.#resyncEnded(failedOutcome(this.name, cause, startedAt, error)),
      resyncDone: (outcome) => {
        for (const prefix of prefixes) this.#sure.add(prefix);
        this.#resyncEnded(outcome);
      },
      stuck: (isStuck) => {
        this.#isResyncStuck = isStuck;
        if (isStuck) this.#context.log.emit({ kind: 'stuck', name: this.name, keys: [] });
        this.#changed();
      },
      failKey: (key, revision, error, attempts) => this.#failKey(key, revision, error, attempts),
      repairKey: (key) => this.#repairKey(key),
    };
  }

  #resyncEnded(outcome: ResyncOutcome): void {
    this.meter.resyncEnded(outcome);
    this.#context.log.emit({ kind: 'resync', name: this.name, outcome });
    for (const resolve of this.#outcomes.splice(0)) resolve(outcome);
    this.#changed();
  }

  async #awaitTurn(epoch: AbortSignal): Promise<boolean> {
    for (;;) {
      if (epoch.aborted) return false;
      const turn = this.#context.order.turnOf(this.name);
      if (turn.is === 'free') return true;
      if (turn.is === 'blocked') {
        const error = `"${turn.by}", which comes before it, has failed`;
        for (const resolve of this.#outcomes.splice(0))
          resolve({
            name: this.name,
            cause: 'manual',
            outcome: 'skipped',
            items: 0,
            removed: 0,
            ms: 0,
            error,
          });
      }
      await this.#context.phases.next(epoch);
    }
  }

  async #giveResync(given: GivenResync, signal: AbortSignal): Promise<void> {
    const isSure = given.prefixes.every((prefix) => this.#sure.has(prefix));
    const giving = {
      state: this.#state,
      decode: this.#decode,
      isSure,
      valueOf: (entry: Entry) => this.#valueOf(entry),
    };
    const event = {
      cause: given.cause,
      prefixes: given.prefixes,
      revision: given.revision,
      epoch: this.#epochs,
      items: giveItems(given, giving, signal),
      removed: giveRemoved(given, giving, signal),
      signal,
    };
    if (this.#pull !== undefined) return this.#pull.give({ kind: 'resync', ...event }, signal);
    await this.#options.resync!(event);
  }

  /** Values that were let go of are read again: in `latest` mode what the key has now, else that very version. */
  async #valueOf(entry: Entry): Promise<Entry | undefined> {
    if (entry.kind === 'delete' || entry.value !== undefined) return entry;
    const { transport } = this.#context;
    if (this.#options.mode === 'every') return transport.read(entry.key, entry.revision);
    const now = await transport.read(entry.key);
    // Deleted meanwhile: the feed brings that, with its revision.
    return now?.kind === 'put' ? now : undefined;
  }

  async #giveChange(changes: readonly Change<T>[], signal: AbortSignal): Promise<void> {
    if (this.#pull !== undefined)
      return this.#pull.give({ kind: 'change', changes, signal }, signal);
    await this.#options.change!({ changes, signal });
  }

  #failKey(key: string, revision: Revision, error: unknown, attempts: number): void {
    const failure = { revision, error: reasonOf(error), attempts };
    this.#state.setFailure(key, failure);
    this.#reporter?.fail(key, failure);
    this.#context.log.emit({
      kind: 'failed',
      name: this.name,
      key,
      error: failure.error,
      attempts,
    });
  }

  #repairKey(key: string): void {
    if (!this.#state.failures.has(key)) return;
    this.#state.setFailure(key, undefined);
    this.#reporter?.fail(key, undefined);
    this.#context.log.emit({ kind: 'repaired', name: this.name, key });
  }

  #watermark(): Parameters<Transport['feedback']['report']>[1] | undefined {
    const open = this.#subscriptions.filter((each) => each.isOpen);
    if (open.length === 0 || open.length < this.#subscriptions.length) return undefined;
    const positions = open.map((each) => each.position!);
    const { incarnation } = positions[0]!;
    const least = positions.reduce((a, b) => (b.revision < a.revision ? b : a)).revision;
    const prefixes = this.prefixes;
    if (this.#queue.waiting <= MOST_EXCEPTIONS)
      return { incarnation, revision: least, except: [...this.#queue.keys()], prefixes };
    return { incarnation, revision: this.revision ?? toRevision(0n), except: [], prefixes };
  }

  #changed(): void {
    this.#updatePhase();
    this.#reporter?.changed();
    this.#changes.notify();
    this.#context.phases.notify();
  }

  #updatePhase(): void {
    const phase = this.#currentPhase();
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#context.log.emit({ kind: 'phase', name: this.name, phase });
  }

  #currentPhase(): WatchPhase {
    if (this.#closed) return 'closed';
    if (this.#isResyncStuck || this.stuckKeys.length > 0) return 'degraded';
    const subscriptions = this.#subscriptions;
    if (subscriptions.some((each) => each.resyncPhase === 'failed')) return 'degraded';
    if (subscriptions.some((each) => each.isResyncing))
      return this.#context.order.turnOf(this.name).is === 'free' ? 'resyncing' : 'waiting';
    if (subscriptions.some((each) => each.lastMarkAt === 0)) return 'waiting';
    const now = Date.now();
    const isOld = subscriptions.some((each) => now - each.lastMarkAt > FRESH_MS);
    const worksLong = this.#queue.waiting > 0 && now - this.#oldestWorkAt > FRESH_MS;
    return isOld || worksLong || subscriptions.some((each) => !each.isOpen) ? 'behind' : 'in-sync';
  }

  #tick(): void {
    this.#persist();
    this.#updatePhase();
  }

  #persist(): void {
    if (this.#queue.waiting === 0) this.#oldestWorkAt = Date.now();
    for (const subscription of this.#subscriptions) {
      const cursor = subscription.cursor();
      if (cursor === undefined) continue;
      const { prefixes } = subscription;
      const stored = this.#state.cursor(prefixes[0]!);
      const isSame =
        stored?.revision === cursor.revision && stored.incarnation === cursor.incarnation;
      if (isSame && stored.tail === cursor.tail) continue;
      this.#state.setCursor(prefixes, cursor);
      this.#state.settle((key) => isUnder(key, prefixes), cursor.revision);
    }
  }

  #troubled(error: DatasyncError | undefined): void {
    this.#trouble = error;
    if (error !== undefined) this.#emitTrouble(error);
  }

  #emitTrouble(error: unknown): void {
    this.#context.log.emit({ kind: 'trouble', name: this.name, error: reasonOf(error) });
  }
}

/** Keys that a watermark may name as not answered yet. */
const MOST_EXCEPTIONS = 64;

function closedError(name: string): DatasyncError {
  return new DatasyncError('CLOSED', `the watch "${name}" is closed`);
}
