import type { FailureRecord } from './feedback-store.ts';
import type { Revision } from './revision.ts';
import type { Cursor } from './transport.ts';

/**
 * What a watch remembers: the version of each key that was answered last, which keys it has ever been given, what has
 * failed, and where it stands. Kept in a file it outlives the process, so that no delete is missed and `previous` is
 * right after a restart.
 */
export interface WatchState {
  /** Whether it outlives the process: what it does not know was then never given. */
  readonly remembers: boolean;
  open(): void;
  get(key: string): KeyState | undefined;
  keys(): Iterable<string>;
  /** Of an answered key; undefined where values are not kept. */
  value(key: string): Uint8Array | undefined;
  answer(key: string, version: AnsweredVersion): void;
  /** The key's delete was answered. Its revision stays until `settle`, so that nothing older comes back. */
  remove(key: string, revision: Revision): void;
  /** These keys are about to be given: their end must be told even if they are never answered. */
  touch(keys: Iterable<string>): void;
  /** Deletes up to this revision cannot come again. */
  settle(isUnder: (key: string) => boolean, revision: Revision): void;
  /** A RESYNC is answered: revisions of deletes before it count no more, and may be of another incarnation. */
  forgetRemoved(prefixes: readonly string[]): void;
  /** Versions of a RESYNC that is not answered yet; `commitStaged` makes them the answered ones. */
  stage(key: string, version: AnsweredVersion): void;
  isStaged(key: string): boolean;
  commitStaged(): void;
  dropStaged(): void;
  readonly failures: ReadonlyMap<string, FailureRecord>;
  setFailure(key: string, failure: FailureRecord | undefined): void;
  cursor(prefix: string): Cursor | undefined;
  setCursor(prefixes: readonly string[], cursor: Cursor): void;
  /** Prefixes that have a cursor. */
  prefixes(): string[];
  close(): void;
}

export interface AnsweredVersion {
  readonly revision: Revision;
  readonly stamp: number;
  readonly value: Uint8Array;
}

export type KeyState =
  | { readonly is: 'answered'; readonly revision: Revision; readonly stamp: number }
  | { readonly is: 'touched' }
  | { readonly is: 'gone'; readonly revision: Revision };
