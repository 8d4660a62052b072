import type { Relation } from '../../change/relation.ts';
import type { ErrorCode } from '../../errors/codes.ts';
import type { WeirError } from '../../errors/weir-error.ts';
import type { Unit } from './change-unit.ts';
import type { ParkedEntries } from './parked-entries.ts';
import type { PageEntry } from './parked-page.ts';

/** Errors that are about a row, by which the rest need not be held up. */
export type Refusals = readonly ErrorCode[];
export const REFUSED: Refusals = ['ROW_REFUSED'];
/** Where nobody waits for what is missing. */
export const REFUSED_OR_NOT_READY: Refusals = ['ROW_REFUSED', 'TARGET_NOT_READY'];

/** A unit that the target refuses, and why. */
export interface Refused {
  unit: Unit;
  error: WeirError;
}

/** The row that had this key gets another, while some of its columns are unchanged. */
export interface Move {
  key: Buffer;
  row: Buffer;
  /** As of a unit. */
  name?: string;
}

/**
 * Where a store tries one change after the other, of which those that it refuses leave nothing behind. What was applied is
 * kept with the step that the caller commits, or not at all: in one transaction with it, or, where there is none, written
 * before it and once more after a crash.
 */
export interface QuarantineTarget {
  readonly parked: ParkedEntries;
  /** What names the keys of units, so that equal ones have equal names; null for rows that stand alone. */
  chainsOf(relation: Relation, units: readonly Unit[]): Promise<(Buffer | null)[]>;
  /** The same of bare keys. */
  keyChainsOf(relation: Relation, keys: readonly Buffer[]): Promise<Buffer[]>;
  /** Applies what is not refused, of units of one relation that belong together; returns the rest. */
  applyIsolating(
    relation: Relation,
    units: readonly Unit[],
    refusals?: Refusals,
  ): Promise<Refused[]>;
  /** Applies all or none; returns why. */
  attempt(
    relation: Relation,
    units: readonly Unit[],
    refusals?: Refusals,
  ): Promise<WeirError | null>;
  attemptMove(relation: Relation, move: Move, refusals?: Refusals): Promise<WeirError | null>;
}

export interface ReplayTarget extends QuarantineTarget {
  /** What is written is there before the step, and is written once more after a crash: its name must be the same then. */
  readonly repeats: boolean;
  /** An error where the target does not fit the entries of this relation any more. */
  problemOf(relation: Relation): Promise<WeirError | null>;
  /** An entry as it is to be written now; called once for each, in their order. */
  prepare(entry: PageEntry): Promise<PageEntry>;
}
