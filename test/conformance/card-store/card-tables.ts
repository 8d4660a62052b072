import type { StateParts } from '../../../shared/state/state-store.ts';
import type { StateTable, StateRecords } from '../../../shared/state/records.ts';

export type Counts = StateParts['sums']['applied'];

export type Table = Exclude<StateTable, 'parked'>;

/** The records of one pipeline as they are declared, and its counts. */
export type StateTables = { [T in Table]: StateRecords[T][] } & {
  count: Counts;
  filtered: Counts;
  discarded: Counts;
  /** This store has words and no bytes, so an entry is words. */
  parked: string[];
  lastParked: number;
};
