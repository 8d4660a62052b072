import type { Relation } from '../change/relation.ts';

/**
 * One end of a comparison that is made in Weir, because the two stores are of different kinds: its rows, read from the
 * beginning to the end as often as asked. It changes nothing in the store.
 */
export interface RowReader {
  /**
   * Namespaces with columns and key, as their rows come: `source`, what a pipeline carries of the patterns (of all where
   * undefined); `target`, those of these names that are there.
   */
  relations(end: 'source' | 'target', namespaces?: readonly string[]): Promise<Relation[]>;
  /** Gives each row as a tuple in canonical form (or as documents), a view that is valid during the call. */
  read(relation: Relation, take: (tuple: Buffer) => void, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
