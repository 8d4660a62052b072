import type { NotCarried } from './finding.ts';
import type { Chunk } from './chunk.ts';
import type { RelationBarrier, Barrier } from '../change/barrier.ts';
import type { ChangeKind } from '../change/change-kind.ts';
import type { Position } from '../change/position.ts';
import type { Relation, RelationPlan } from '../change/relation.ts';
import type { WeirError } from '../errors/weir-error.ts';
import type { Finding } from './finding.ts';
import type { RefusedRow } from './parking.ts';
import type { PipelinePlan } from './plan.ts';

/** A store that is read: its copy in chunks, then its changes in order. */
export interface Source {
  /**
   * Preflight: settings, rights, keys, types; changes nothing. Throws only if the store cannot be reached. With `known`, as
   * of `open`, also what `open` and the first look at the structure would stop at.
   */
  check(scope: SourceScope, known?: PipelinePlan | null): Promise<SourceCheck>;
  /**
   * Takes the pipeline's name at this source (ALREADY_RUNNING if another process holds it), then makes or finds
   * what following needs. `known` is what the target has of this pipeline, or null where it has nothing.
   */
  open(scope: SourceScope, known: PipelinePlan | null, signal: AbortSignal): Promise<SourceSession>;
  /**
   * What the store keeps for this pipeline until the target has committed it; null where it keeps nothing for it.
   * Cheap, and also answered while no session is open.
   */
  readRetention(): Promise<Retention | null>;
  /** Names that a part of the namespace has of its own and that may be renamed, such as partitions; pure. */
  partsOf?(plan: RelationPlan): string[];
  /**
   * How many bytes of its log lie between two positions; left out where positions do not tell. Pure.
   */
  bytesBetween?(from: Position, to: Position): number;
  /**
   * Gives the position up for `reason`, a sentence, so that the store can free its log; only while no session is
   * open. Returns the error to stop with, which says what is lost; `open` throws it too from then on.
   */
  giveUpPosition(reason: string): Promise<WeirError>;
  /**
   * What is waited for at the source although nothing has failed, such as a lock and who holds it, or who waits for this
   * pipeline: one sentence.
   */
  problem?(): string | null;
  /** Removes everything the pipeline created in this store. Repeatable. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export interface SourceScope {
  mode: 'snapshot+changes' | 'snapshot' | 'changes';
  /** Globs; undefined is every namespace the connector can carry. */
  namespaces: readonly string[] | undefined;
  /** For a new plan. */
  lanes: number;
  /** The form of data that the other end wants, one of `ConnectorInfo.gives`; left out, the source chooses. */
  dataType?: string;
  /** Where the lanes of a known plan stand at the target: the one furthest behind, and the one furthest ahead. */
  reached?: { least: Position; most: Position };
  /** What a copy does where a change of structure waits for it; see the pipeline file. Left out, it gives way. */
  onWaitingDdl?: 'giveWay' | 'wait';
  /** Of a known plan: what the target was last given to keep for the source; see `KeptState`. */
  kept?: unknown;
}

/**
 * The side state of a source whose positions mean nothing beyond its session: what it needs to begin again from what
 * the target has committed. A sink keeps it as it is, in the pipeline's state.
 */
export interface KeptState {
  kept: unknown;
}

export function isKeptState(state: unknown): state is KeptState {
  return typeof state === 'object' && state !== null && 'kept' in state;
}

export interface SourceCheck {
  findings: Finding[];
  /** For the sink's own check: what it would have to hold. */
  relations: RelationPlan[];
  /** What a store of the same kind makes beside its relations, for that one's check; opaque to the core. */
  besides?: unknown;
  /** Where they are not as in the known plan: what the target would have to follow. */
  changes?: RelationBarrier[];
  /** What a store of the same kind could hold and does not get. */
  notCarried?: NotCarried[];
}

export interface Retention {
  /** Bytes of log. */
  retainedBytes: number;
  /** At how many the store gives the position up by itself; null where it never does. */
  limitBytes: number | null;
  /** `lost`: the store has given the position up already. */
  state: 'kept' | 'lost';
}

export interface SourceSession {
  /**
   * The plan to store at the target before the first chunk or change is read: `known` continued, or a new one.
   * Where the copy was interrupted it lists what is still to be read, with new chunks where needed.
   */
  readonly plan: PipelinePlan;
  /** Reads one chunk. `receive` takes bytes (a view, valid during the call only) and resolves when it has room. */
  listData(chunk: Chunk, receive: ChunkReceiver, signal: AbortSignal): Promise<ListedRows>;
  /**
   * Reads changes from `from` on into `receiver` until aborted or failed. Every change with a position after
   * `from` comes exactly once and in order; earlier ones may come again and are for the caller to drop.
   */
  streamUpdates(from: Position, receiver: ChangeReceiver, signal: AbortSignal): Promise<void>;
  /** The target has durably committed everything before `position`: the store may forget it. */
  release(position: Position): void;
  /**
   * A position at or after everything committed so far; the stream will reach it by itself, also when idle. Null while
   * the source cannot tell.
   */
  head(): Promise<Position | null>;
  /**
   * What is not in the log and must follow the data (sequences), or a `KeptState`; opaque to the core, null where there
   * is none.
   */
  sideState(): Promise<unknown>;
  /** How often the target must have the side state; left out, now and then will do. */
  readonly sideStateMs?: number;
  close(): Promise<void>;
}

export interface ListedRows {
  /** Those that were refused among them. */
  rows: number;
  /** Rows that could not be understood, which are not among the bytes; few enough to be held. */
  refused?: readonly RefusedRow[];
}

export type ChunkReceiver = (bytes: Buffer) => Promise<void> | void;

/**
 * Where a source's changes go. Calls are synchronous and views are valid during the call only; after each call
 * the source asks `ready()` and waits for it if it is a promise (that is the back-pressure).
 */
export interface ChangeReceiver {
  /**
   * A row that gets a new key comes as one `move`. Otherwise it comes as a delete and an insert, which may be applied
   * apart from each other, or as a barrier where its old row is needed.
   */
  readonly keepsMoves?: boolean;
  /** Namespaces of which all changes must come in order, whatever the source itself asks for. */
  readonly together?: ReadonlySet<string>;
  /** Where the lane stands that is furthest ahead: of positions that a session makes up itself, each must be behind it. */
  readonly reached?: Position;
  /**
   * One change. `position` is 16 bytes. `key` is the row's key (`tuple.ts`), or the whole row for identity `row`.
   * `row` is the full tuple; empty for a delete. `partial`: the row has unchanged columns.
   */
  change(
    kind: ChangeKind,
    relation: Relation,
    position: Buffer,
    key: Buffer,
    row: Buffer,
    partial: boolean,
  ): void;
  /** Something that every lane must reach before it is done, once: see `Barrier`. */
  barrier(position: Buffer, barrier: Barrier): void;
  /** A transaction begins that was committed at `timeMs`; only some receivers want to know, and not every source does. */
  begins?(timeMs: number): void;
  /** End of a source transaction: `position` is a watermark after it, `timeMs` its commit time at the source. */
  commit(position: Buffer, timeMs: number): void;
  /** Everything before `position` has been given; sent by the source also while nothing changes. */
  watermark(position: Buffer, timeMs: number): void;
  ready(): Promise<void> | undefined;
}
