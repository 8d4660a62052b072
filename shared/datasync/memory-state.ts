import type { FailureRecord } from './feedback-store.ts';
import type { Revision } from './revision.ts';
import { StateIndex } from './state-index.ts';
import type { Cursor } from './transport.ts';
import type { AnsweredVersion, KeyState, WatchState } from './watch-state.ts';

export interface MemoryStateOptions {
  /** Left out or true: answered values are kept for `previous`; else `previous` of a known key is unknown. */
  keepValues?: boolean;
}

/** A state that ends with the process: the next one begins with RESYNC, and knows no previous values. */
export function memoryState({ keepValues = true }: MemoryStateOptions = {}): WatchState {
  return new MemoryState(keepValues);
}

class MemoryState implements WatchState {
  readonly remembers = false;
  readonly #keepValues: boolean;
  readonly #index = new StateIndex<Uint8Array | undefined>();

  constructor(keepValues: boolean) {
    this.#keepValues = keepValues;
  }

  open(): void {}

  close(): void {}

  get(key: string): KeyState | undefined {
    return this.#index.known.get(key);
  }

  keys(): Iterable<string> {
    return this.#index.known.keys();
  }

  value(key: string): Uint8Array | undefined {
    return this.#index.place(key);
  }

  answer(key: string, { revision, stamp, value }: AnsweredVersion): void {
    this.#index.answer(key, revision, stamp, this.#kept(value));
  }

  remove(key: string, revision: Revision): void {
    this.#index.remove(key, revision);
  }

  touch(keys: Iterable<string>): void {
    this.#index.touch(keys);
  }

  settle(isUnder: (key: string) => boolean, revision: Revision): void {
    this.#index.settle(isUnder, revision);
  }

  forgetRemoved(prefixes: readonly string[]): void {
    this.#index.forgetRemoved(prefixes);
  }

  stage(key: string, { revision, stamp, value }: AnsweredVersion): void {
    this.#index.stage(key, revision, stamp, this.#kept(value));
  }

  isStaged(key: string): boolean {
    return this.#index.staged.has(key);
  }

  commitStaged(): void {
    this.#index.commitStaged();
  }

  dropStaged(): void {
    this.#index.staged.clear();
  }

  get failures(): ReadonlyMap<string, FailureRecord> {
    return this.#index.failures;
  }

  setFailure(key: string, failure: FailureRecord | undefined): void {
    if (failure === undefined) this.#index.failures.delete(key);
    else this.#index.failures.set(key, failure);
  }

  cursor(prefix: string): Cursor | undefined {
    return this.#index.cursors.get(prefix);
  }

  setCursor(prefixes: readonly string[], cursor: Cursor): void {
    for (const prefix of prefixes) this.#index.cursors.set(prefix, cursor);
  }

  prefixes(): string[] {
    return [...this.#index.cursors.keys()];
  }

  /** A message's bytes may be a view of a larger buffer, which would then be kept too. */
  #kept(value: Uint8Array): Uint8Array | undefined {
    return this.#keepValues ? Uint8Array.from(value) : undefined;
  }
}
