import { decodeValue, type Decode } from './codec.ts';
import { DatasyncError } from './datasync-error.ts';
import { callHandler } from './handler-call.ts';
import { previousOf } from './previous.ts';
import { ABORT_GRACE_MS } from './resync-run.ts';
import type { Revision } from './revision.ts';
import type { Entry } from './transport.ts';
import { backoffMs, detach, settlesWithin } from './waiting.ts';
import type { Change } from './watch-event.ts';
import type { WatchMeter } from './watch-meter.ts';
import type { WatchState } from './watch-state.ts';
import type { Work, WorkQueue } from './work-queue.ts';

export interface ChangeDispatcherOptions<T> {
  parallel: number;
  attempts: number;
  doneMs: number;
  everyVersion: boolean;
  queue: WorkQueue;
  state: WatchState;
  meter: WatchMeter;
  decode: Decode<T>;
  /** Whether what the state does not know of this key was never given. */
  isSure: (key: string) => boolean;
  valueOf: (entry: Entry) => Promise<Entry | undefined>;
  give: (changes: readonly Change<T>[], signal: AbortSignal) => Promise<void>;
  failKey: (key: string, revision: Revision, error: unknown, attempts: number) => void;
  repairKey: (key: string) => void;
  onStuck: (keys: readonly string[]) => void;
  onChange: () => void;
  onTrouble: (error: unknown) => void;
}

const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 30_000;
/** Until the store is asked again for a value that was let go of. */
const READ_AGAIN_MS = 1_000;

type Attempt =
  { is: 'answered' } | { is: 'fenced' } | { is: 'unread' } | { is: 'failed'; error: unknown };

/** Gives what waits to the handler, some keys at once and each key one at a time, and does what the answer asks for. */
export class ChangeDispatcher<T> {
  readonly #options: ChangeDispatcherOptions<T>;
  /** Handlers that have not returned. */
  readonly #running = new Map<Work, Promise<void>>();
  readonly #stuck = new Set<Work>();
  /** Keys of which a version could not be read any more, in the mode that gives each. */
  readonly #lost = new Set<string>();
  #closed = false;

  constructor(options: ChangeDispatcherOptions<T>) {
    this.#options = options;
  }

  /** Keys whose handler ignores its signal. */
  get stuckKeys(): string[] {
    return [...this.#stuck].flatMap((work) => work.entries.map(({ key }) => key));
  }

  pump(): void {
    const { queue, parallel, onChange, onTrouble } = this.#options;
    while (!this.#closed && queue.running < parallel) {
      const work = queue.take();
      if (work === undefined) break;
      const settled = this.#dispatch(work).finally(() => {
        this.#running.delete(work);
        this.#stuck.delete(work);
        onChange();
        this.pump();
      });
      this.#running.set(work, settled);
      detach(settled, onTrouble);
    }
  }

  /** Until handlers of these keys have returned, for as long as they may take to see their signal. */
  async awaitRunning(isHere: (key: string) => boolean): Promise<void> {
    const running = [...this.#running].filter(([work]) =>
      work.entries.some(({ key }) => isHere(key)),
    );
    await settlesWithin(ABORT_GRACE_MS, Promise.all(running.map(([, settled]) => settled)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.awaitRunning(() => true);
  }

  /** Returns when the handler has, however late. */
  async #dispatch(work: Work): Promise<void> {
    const { queue, state } = this.#options;
    const { epoch } = work.scope;
    state.touch(work.entries.map(({ key }) => key));
    const attempt = await this.#attempt(work, epoch);
    if (attempt.is === 'answered') return;
    if (attempt.is === 'fenced' || epoch.aborted) return queue.finish(work);
    if (attempt.is === 'unread') return queue.retryLater(work, READ_AGAIN_MS, () => this.pump());
    this.#failed(work, attempt.error);
  }

  async #attempt(work: Work, epoch: AbortSignal): Promise<Attempt> {
    const { doneMs, give, onTrouble } = this.#options;
    let given: Entry[];
    try {
      given = await this.#read(work.entries);
    } catch (error) {
      // The store is at fault, not the key.
      onTrouble(error);
      return { is: 'unread' };
    }
    let changes: Change<T>[];
    try {
      changes = given.map((entry) => this.#toChange(entry));
    } catch (error) {
      return { is: 'failed', error };
    }
    const startedAt = performance.now();
    const outcome = await callHandler(
      (signal) => (changes.length === 0 ? undefined : give(changes, signal)),
      { doneMs, epoch },
    );
    switch (outcome.is) {
      case 'done':
        this.#answered(work, given, performance.now() - startedAt);
        return { is: 'answered' };
      case 'failed':
        return outcome;
      case 'fenced':
        await this.#awaitStuck(work, outcome.settled);
        return { is: 'fenced' };
      case 'overdue':
        await this.#awaitStuck(work, outcome.settled);
        return {
          is: 'failed',
          error: new Error(`the handler has not answered within ${doneMs} ms`),
        };
    }
  }

  async #read(entries: readonly Entry[]): Promise<Entry[]> {
    const { everyVersion, valueOf } = this.#options;
    const given: Entry[] = [];
    for (const entry of entries) {
      const { key } = entry;
      const read = await valueOf(entry);
      if (read === undefined) {
        if (everyVersion) this.#lost.add(key);
        continue;
      }
      const mayFollowLost = entry.mayFollowLost === true || this.#lost.delete(key);
      given.push(mayFollowLost ? { ...read, mayFollowLost } : read);
    }
    return given;
  }

  async #awaitStuck(work: Work, settled: Promise<void>): Promise<void> {
    const { onStuck } = this.#options;
    if (await settlesWithin(ABORT_GRACE_MS, settled)) return;
    this.#stuck.add(work);
    onStuck(work.entries.map(({ key }) => key));
    await settled;
  }

  #toChange(entry: Entry): Change<T> {
    const { state, decode, isSure } = this.#options;
    const { key, revision, mayFollowLost = false } = entry;
    const previous = previousOf(key, state, decode, isSure(key));
    const base = { key, revision, previous, mayFollowLost };
    if (entry.kind === 'delete') return { kind: 'delete', ...base };
    return { kind: 'put', value: decodeValue(decode, key, entry.value!), ...base };
  }

  #answered(work: Work, given: readonly Entry[], ms: number): void {
    const { state, queue, meter, repairKey } = this.#options;
    for (const { key, kind, revision, stamp, value } of given) {
      if (kind === 'delete') state.remove(key, revision);
      else state.answer(key, { revision, stamp, value: value! });
      repairKey(key);
    }
    meter.answered(given.length, ms / 1_000);
    queue.finish(work);
  }

  #failed(work: Work, error: unknown): void {
    const { attempts, meter, queue, failKey } = this.#options;
    work.attempts++;
    meter.attemptFailed();
    // Bytes that cannot be read do not become better.
    const isFinal = error instanceof DatasyncError && error.code === 'DECODE';
    if (!isFinal && work.attempts < attempts) {
      const ms = backoffMs(work.attempts, RETRY_FIRST_MS, RETRY_MAX_MS);
      queue.retryLater(work, ms, () => this.pump());
      return;
    }
    for (const { key, revision } of work.entries) failKey(key, revision, error, work.attempts);
    queue.finish(work);
  }
}
