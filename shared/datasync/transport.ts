import type { DatasyncError } from './datasync-error.ts';
import type { FeedbackStore } from './feedback-store.ts';
import type { Revision } from './revision.ts';

/**
 * What a store offers to the library. A transport decides whether a watch may go on from where it stood, since only it
 * knows what its store forgets; everything else (order per key, epochs, answers, previous values) is done once, above it.
 */
export interface Transport {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** Follows these prefixes until closed. Calls of the sink come one after the other, never during `follow` itself. */
  follow(options: FollowOptions, sink: FeedSink): Feed;
  /** What the key holds now, or at that revision; undefined where the store has nothing. */
  read(key: string, revision?: Revision): Promise<Entry | undefined>;
  /** All or none; more than one only where `transactions` says so. Gives the revision of the last. */
  write(operations: readonly WriteOperation[]): Promise<Revision>;
  /** Which making of the store revisions count in now. */
  incarnation(): Promise<string>;
  readonly feedback: FeedbackStore;
  close(): Promise<void>;
}

export interface Capabilities {
  /** A snapshot of what is there; else RESYNC is empty. */
  snapshot: boolean;
  /** Several writes together, seen together. */
  transactions: boolean;
  ifRevision: boolean;
  timeToLive: boolean;
  clientLifetime: boolean;
  /** `mode: 'every'`. */
  everyVersion: boolean;
  /** Positions of a source, for `reached({ position })`. */
  positions: boolean;
  /** `applied`: consumers' answers reach publishers. */
  feedback: boolean;
}

/** One version of one key. */
export interface Entry {
  readonly key: string;
  readonly revision: Revision;
  readonly kind: 'put' | 'delete';
  /** Of a put; left out where it is to be read when its turn comes. */
  value?: Uint8Array;
  /** What the store says of the moment: equal only for the same write, so a revision used again shows. */
  readonly stamp: number;
  /** The store may have forgotten versions of this key between the one before and this one. */
  readonly mayFollowLost?: boolean;
}

/** Where a watch stands. */
export interface Cursor {
  /** Which making of the store its revisions count in. */
  readonly incarnation: string;
  readonly revision: Revision;
  /** For the transport: what the store looked like when everything up to the revision was answered. */
  readonly tail?: string;
}

export type ResyncCause =
  | 'start'
  | 'reconnect'
  | 'compacted'
  | 'recreated'
  | 'rolled-back'
  | 'consumer-error'
  | 'prefix-added'
  | 'manual';

/** What the watch believes the store to hold, for a transport that compares lists. */
export interface KnownKeys {
  keys(): Iterable<string>;
  /** The newest version that came, undefined where the last one was a delete or none came. */
  get(key: string): { revision: Revision; stamp: number } | undefined;
}

export interface FollowOptions {
  readonly prefixes: readonly string[];
  readonly everyVersion: boolean;
  /** Left out: there is nothing to go on from, and `cause` says why. */
  readonly cursor: Cursor | undefined;
  readonly cause: ResyncCause;
  readonly known: KnownKeys;
}

export interface FeedSink {
  /** Nothing may be given until `resumed` or `ready`: whether the feed may go on is being looked at. */
  verifying(): void;
  /** Nothing was missed: changes go on. */
  resumed(incarnation: string): void;
  /** A snapshot begins. */
  reset(cause: ResyncCause): void;
  item(entry: Entry): void;
  /** The snapshot is whole: the state as of this cursor. */
  ready(at: Cursor): void;
  /** One entry, or those of one transaction. */
  change(entries: readonly Entry[]): void;
  /** Everything up to this cursor has been given. */
  mark(at: Cursor): void;
  /** Something is wrong and is tried again; undefined: it is well again. */
  trouble(error: DatasyncError | undefined): void;
}

export interface Feed {
  /** Gives a snapshot anew. */
  resync(cause: ResyncCause): void;
  close(): Promise<void>;
}

export interface WriteOperation {
  readonly kind: 'put' | 'delete';
  readonly key: string;
  readonly value?: Uint8Array;
  /** Only if this is the key's revision; 0: only if there is no such key. */
  readonly ifRevision?: Revision;
  readonly ttlMs?: number;
  /** It goes when the client that wrote it goes. */
  readonly lifetime?: 'client';
}
