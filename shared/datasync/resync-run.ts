import { reasonOf } from './datasync-error.ts';
import { callHandler, type CallOptions } from './handler-call.ts';
import { isUnder } from './prefix.ts';
import type { Revision } from './revision.ts';
import type { Cursor, Entry, ResyncCause } from './transport.ts';
import { backoffMs, pause, settlesWithin } from './waiting.ts';
import type { ResyncOutcome } from './watch-event.ts';
import type { WatchState } from './watch-state.ts';
import type { WorkQueue } from './work-queue.ts';

/** What a RESYNC needs of its watch. */
export interface ResyncHost {
  readonly name: string;
  readonly doneMs: number;
  readonly state: WatchState;
  readonly queue: WorkQueue;
  resyncBegins(cause: ResyncCause): void;
  /** Until the watches before this one are done; false: the epoch ended first. */
  awaitTurn(epoch: AbortSignal): Promise<boolean>;
  /** Until handlers of the epoch before have returned, for as long as they may take to see their signal. */
  awaitRunning(isHere: (key: string) => boolean): Promise<void>;
  /** Calls the handler of the application. */
  giveResync(given: GivenResync, signal: AbortSignal): Promise<void>;
  /** The bytes of what was given but not read by the handler. */
  valueOf(entry: Entry): Promise<Entry | undefined>;
  resyncFailed(error: unknown, cause: ResyncCause, startedAt: number): void;
  resyncDone(outcome: ResyncOutcome): void;
  stuck(isStuck: boolean): void;
  failKey(key: string, revision: Revision, error: unknown, attempts: number): void;
  repairKey(key: string): void;
}

export interface GivenResync {
  readonly cause: ResyncCause;
  readonly prefixes: readonly string[];
  readonly revision: Revision;
  readonly items: ReadonlyMap<string, Entry>;
  readonly removed: readonly string[];
  readonly held: ReadonlySet<string>;
  /** Keys that failed while this RESYNC was given. */
  readonly failed: Map<string, unknown>;
}

export interface ResyncRunOptions {
  host: ResyncHost;
  prefixes: readonly string[];
  cause: ResyncCause;
  snapshot: Map<string, Entry>;
  at: Cursor;
  epoch: AbortSignal;
  newer: () => { entries: Entry[]; at: Cursor };
  onDone: (revision: Revision, held: readonly Entry[]) => void;
}

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 30_000;
/** A handler that has not returned so long after its signal counts as stuck. */
export const ABORT_GRACE_MS = 1_000;

/** One RESYNC, given until the handler takes it or its epoch ends. */
export class ResyncRun {
  hasFailed = false;
  readonly #options: ResyncRunOptions;
  #at: Cursor;

  constructor(options: ResyncRunOptions) {
    this.#options = options;
    this.#at = options.at;
  }

  async carryOut(): Promise<void> {
    const { host, epoch, prefixes, cause } = this.#options;
    for (let failures = 0; !epoch.aborted;) {
      const isHere = (key: string): boolean => isUnder(key, prefixes);
      await host.awaitRunning(isHere);
      if (!(await host.awaitTurn(epoch))) return;
      if (failures > 0) this.#takeNewer();
      const given = this.#given(isHere);
      host.state.dropStaged();
      host.state.touch(given.items.keys());
      const startedAt = Date.now();
      const error = await this.#give(given, { doneMs: host.doneMs, epoch });
      if (epoch.aborted) return host.state.dropStaged();
      const failure = error ?? (await this.#commit(given, startedAt));
      if (failure === undefined || epoch.aborted) return;
      host.state.dropStaged();
      this.hasFailed = true;
      host.resyncFailed(failure, cause, startedAt);
      await pause(backoffMs(++failures, FIRST_RETRY_MS, MAX_RETRY_MS), epoch);
    }
  }

  /** Undefined when the handler took it. Returns only when the handler has returned. */
  async #give(given: GivenResync, options: CallOptions): Promise<unknown> {
    const { host } = this.#options;
    const outcome = await callHandler((signal) => host.giveResync(given, signal), options);
    if (outcome.is === 'done') return undefined;
    if (outcome.is === 'failed') return outcome.error ?? new Error('the handler failed');
    if (!(await settlesWithin(ABORT_GRACE_MS, outcome.settled))) {
      host.stuck(true);
      await outcome.settled;
      host.stuck(false);
    }
    return new Error(`the handler of RESYNC has not answered within ${options.doneMs} ms`);
  }

  /** What a repetition gives is the state as of now. */
  #takeNewer(): void {
    const { newer, snapshot } = this.#options;
    const { entries, at } = newer();
    for (const entry of entries) {
      if (entry.kind === 'put') snapshot.set(entry.key, entry);
      else snapshot.delete(entry.key);
    }
    this.#at = at;
  }

  #given(isHere: (key: string) => boolean): GivenResync {
    const { host, snapshot, cause, prefixes } = this.#options;
    const held = new Set<string>();
    for (const key of host.queue.keys())
      if (isHere(key) && host.queue.isRunning(key)) held.add(key);
    const removed: string[] = [];
    for (const key of host.state.keys())
      if (isHere(key) && !snapshot.has(key) && !held.has(key) && host.state.get(key)?.is !== 'gone')
        removed.push(key);
    const items = new Map(snapshot);
    for (const key of held) items.delete(key);
    const { revision } = this.#at;
    return { cause, prefixes, revision, items, removed, held, failed: new Map() };
  }

  /** All of it counts as answered, at once. */
  async #commit(given: GivenResync, startedAt: number): Promise<unknown> {
    const { host, epoch, snapshot, prefixes, onDone } = this.#options;
    const { state } = host;
    const { revision, items, removed, held, failed, cause } = given;
    try {
      for (const [key, entry] of items) {
        if (failed.has(key) || state.isStaged(key)) continue;
        const read = await host.valueOf(entry);
        if (epoch.aborted) return undefined;
        if (read?.value !== undefined) state.stage(key, { ...read, value: read.value });
      }
    } catch (error) {
      return error;
    }
    state.commitStaged();
    for (const key of removed) state.remove(key, revision);
    for (const key of items.keys()) if (!failed.has(key)) host.repairKey(key);
    for (const key of removed) host.repairKey(key);
    for (const [key, error] of failed) host.failKey(key, items.get(key)!.revision, error, 1);
    state.forgetRemoved(prefixes);
    state.setCursor(prefixes, this.#at);
    this.hasFailed = false;
    const waiting = [...held].map(
      (key): Entry => snapshot.get(key) ?? { key, revision, kind: 'delete', stamp: 0 },
    );
    onDone(revision, waiting);
    host.resyncDone({
      name: host.name,
      cause,
      outcome: 'done',
      items: items.size,
      removed: removed.length,
      ms: Date.now() - startedAt,
    });
    return undefined;
  }
}

export function failedOutcome(
  name: string,
  cause: ResyncCause,
  startedAt: number,
  error: unknown,
): ResyncOutcome {
  const ms = Date.now() - startedAt;
  return { name, cause, outcome: 'failed', items: 0, removed: 0, ms, error: reasonOf(error) };
}
