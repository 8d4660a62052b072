import type { Relation } from '../change/relation.ts';

/**
 * One end of a comparison. Both ends cut a namespace into the same buckets by a hash of the key, so that equal
 * buckets need no second look and different ones are narrowed down to rows.
 */
export interface Verifier {
  /**
   * Namespaces with columns and key: `source`, what a pipeline carries of the patterns (of all where undefined);
   * `target`, all that is there.
   */
  relations(end: 'source' | 'target', namespaces?: readonly string[]): Promise<Relation[]>;
  /** `count` rows and a `hash` over them for each of `buckets` slices, of the columns of `relation`. */
  bucketHashes(namespace: string, relation: Relation, buckets: number): Promise<BucketHash[]>;
  /** Each row of one bucket: its key as text a person can read, and the hash of its values. */
  rowHashes(
    namespace: string,
    relation: Relation,
    buckets: number,
    bucket: number,
  ): Promise<RowHash[]>;
  /**
   * Columns that have another type at the target, whose values are compared as that type has them; of the last time that
   * `bucketHashes` was asked for. Left out where both ends have the same types.
   */
  mapped?(relation: Relation): MappedColumn[];
  /** The hash of the rows with these keys now; absent keys are left out. */
  rowsByKey(namespace: string, relation: Relation, keys: readonly string[]): Promise<RowHash[]>;
  close(): Promise<void>;
}

export interface MappedColumn {
  /** The column and both types, as people read it. */
  said: string;
  /** Values that the target's type changes on purpose. */
  changed: number;
}

export interface BucketHash {
  bucket: number;
  rows: number;
  hash: string;
}

export interface RowHash {
  /** For a relation without a key this is the hash of the row, and `count` how many rows have it. */
  key: string;
  hash: string;
  count: number;
}
