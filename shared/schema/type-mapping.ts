import type { LogicalType } from './logical-type.ts';

/**
 * What a store holds values of a logical type in.
 * `exact`: it holds the same values. `wider`: others too, or something of the type is lost that no value shows, such as
 * the labels of an enum, or special values (NaN, infinities) are refused, each with its row. `lossy`: some values come
 * out changed, and nobody is told of which, so it needs somebody's consent (decision 19).
 */
export interface TypeMapping {
  /** The store's own name of it, ready to be put into its statements. */
  native: string;
  fit: 'exact' | 'wider' | 'lossy';
  /** What is different, for people: a part of a sentence; null where nothing is. */
  note: string | null;
}

export type MapType = (type: LogicalType) => TypeMapping;
