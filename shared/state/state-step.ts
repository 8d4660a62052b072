import { isDeepStrictEqual } from 'node:util';
import type { ChangeCounts } from '../change/change-counts.ts';
import type { CountTable, ParkedRecord, StateRecords, StateTable } from './records.ts';
import type { ParkedSet } from './quarantine/parked-entries.ts';

/**
 * What is done to the state at once, as data: all of it or nothing. It is not done where something that it expects does
 * not hold; that is the fence against owners of earlier epochs, and the guard against doing a batch twice.
 */
export type StateStep = readonly StateChange[];

export type StateChange =
  { [T in StateTable]: ChangeOf<T> }[StateTable] | AddCounts | Park | Settle | Explain | Mark;

type ChangeOf<T extends StateTable> = Insert<T> | Update<T> | Put<T> | Remove<T>;

/** Expects that there is none of that key. */
export interface Insert<T extends StateTable> {
  kind: 'insert';
  table: T;
  row: StateRecords[T];
}

/** Expects the record to be as `expect`, and as one of `oneOf` where that is given: each names the same columns. */
export interface Update<T extends StateTable> {
  kind: 'update';
  table: T;
  /** The columns of the table's key. */
  key: Partial<StateRecords[T]>;
  expect: Partial<StateRecords[T]>;
  oneOf?: readonly Partial<StateRecords[T]>[];
  set: Partial<StateRecords[T]>;
  /** Somebody who is gone may hold the record in a transaction that does not end: it is taken from him. */
  takes?: true;
}

/** Expects nothing: what is there of these keys is replaced, unless it is as `keep`. */
export interface Put<T extends StateTable> {
  kind: 'put';
  table: T;
  rows: readonly StateRecords[T][];
  keep?: Partial<StateRecords[T]>;
}

/** Expects nothing. */
export interface Remove<T extends StateTable> {
  kind: 'remove';
  table: T;
  where: Partial<StateRecords[T]>;
  /** Whatever else holds, these stay: values of the key, which is one column. */
  except?: readonly (string | number)[];
}

/** To what the lane has counted so far, by namespace. */
export interface AddCounts {
  kind: 'add';
  table: CountTable;
  lane: number;
  counts: ReadonlyMap<string, ChangeCounts>;
}

/** Puts entries aside, in this order: the store gives each its id and its time. Expects nothing. */
export interface Park {
  kind: 'park';
  entries: readonly NewParked[];
}

export type NewParked = Omit<ParkedRecord, 'id' | 'parkedAt'>;

/**
 * Takes entries out. What they stand for counts as applied, by the lane 0, or as discarded from now on. Expects there to be
 * as many of them as `least`.
 */
export interface Settle {
  kind: 'settle';
  entries: ParkedSet;
  as: 'applied' | 'discarded';
  least?: number;
}

/** Why entries are still there, by their ids. Expects nothing. */
export interface Explain {
  kind: 'explain';
  reasons: ReadonlyMap<number, string>;
}

/** Notes on every lane that entries may be parked; or, `found`, whether there are any once the step is done so far. */
export interface Mark {
  kind: 'mark';
  parked: 'yes' | 'found';
}

export function matches<Row extends object>(row: Row, some: Partial<Row>): boolean {
  return Object.entries(some).every(([column, value]) =>
    isDeepStrictEqual((row as Record<string, unknown>)[column], value),
  );
}

export function holds<Row extends object>(
  row: Row,
  { expect, oneOf }: { expect: Partial<Row>; oneOf?: readonly Partial<Row>[] },
): boolean {
  return matches(row, expect) && (oneOf === undefined || oneOf.some((each) => matches(row, each)));
}
