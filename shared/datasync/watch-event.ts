import type { Revision } from './revision.ts';
import type { ResyncCause } from './transport.ts';

/** What this watch last answered successfully for the key: what the application has. */
export type Previous<T> =
  | { readonly is: 'value'; readonly value: T; readonly revision: Revision }
  | { readonly is: 'none' }
  /** A state in memory cannot know what an earlier process was given. */
  | { readonly is: 'unknown' };

export type Change<T> =
  | {
      readonly kind: 'put';
      readonly key: string;
      readonly value: T;
      readonly revision: Revision;
      readonly previous: Previous<T>;
      /** With `mode: 'every'`: versions of this key before this one may have been forgotten by the store. */
      readonly mayFollowLost: boolean;
    }
  | {
      readonly kind: 'delete';
      readonly key: string;
      readonly revision: Revision;
      readonly previous: Previous<T>;
      readonly mayFollowLost: boolean;
    };

export interface ChangeEvent<T> {
  /** One, or those of one transaction. */
  readonly changes: readonly Change<T>[];
  readonly signal: AbortSignal;
}

export interface ResyncItem<T> {
  readonly key: string;
  readonly value: T;
  readonly revision: Revision;
  readonly previous: Previous<T>;
  /** This key failed, the others go on: it is remembered and reported like the failure of a change. */
  fail(error: unknown): void;
}

export interface RemovedKey<T> {
  readonly key: string;
  readonly previous: Previous<T>;
}

export interface ResyncEvent<T> {
  readonly cause: ResyncCause;
  readonly prefixes: readonly string[];
  /** What is given is the state as of here. */
  readonly revision: Revision;
  /** Counts the times that this watch began anew. */
  readonly epoch: number;
  readonly items: AsyncIterable<ResyncItem<T>>;
  /** Keys that this watch was given before and that are not there any more. */
  readonly removed: AsyncIterable<RemovedKey<T>>;
  readonly signal: AbortSignal;
}

/** Returning is `done()`, throwing is `done(error)`. */
export interface WatchHandlers<T> {
  resync(event: ResyncEvent<T>): Promise<void> | void;
  change(event: ChangeEvent<T>): Promise<void> | void;
}

/** `waiting`: for the store or for a watch before it. `behind`: no news of the store for five seconds, or work that old. */
export type WatchPhase = 'waiting' | 'resyncing' | 'in-sync' | 'behind' | 'degraded' | 'closed';

export interface FailedKey {
  readonly key: string;
  readonly revision: Revision;
  readonly error: string;
  readonly attempts: number;
}

/** What one RESYNC of one watch came to. */
export interface ResyncOutcome {
  readonly name: string;
  readonly cause: ResyncCause;
  readonly outcome: 'done' | 'failed' | 'skipped';
  readonly items: number;
  readonly removed: number;
  readonly ms: number;
  readonly error?: string;
}
