import type { Relation } from './relation.ts';

/** A row that a step of the transforms failed for, or that its source could not understand. */
export interface FailedRow {
  /** Which step and why, without any value. */
  reason: string;
  /** As the row is at the source. */
  source: Relation;
  /** The row before the first step, of `source`. */
  tuple: Buffer;
  /** Bare, of the row that the target would get; null where a key does not tell rows apart. */
  key: Buffer | null;
}
