import type { BucketHash, RowHash } from '../../shared/connector/verifier.ts';
import { sameRow, type Comparison } from './comparison.ts';

/** Slices of the first look; more of them make the second look cheaper and the first hardly dearer. */
const BUCKETS = 1024;
/** Rows of one end held in memory at once. */
const ROWS_AT_ONCE = 50_000;

export interface Suspicion {
  /** Rows at the source. */
  rows: number;
  /** Keys whose rows were not the same; with changes flowing most of them only were in flight. */
  keys: string[];
  /** Whether there were more than were asked for. */
  capped: boolean;
}

/**
 * Narrows a namespace down to the keys that differ, in bounded memory: hashes of buckets, then the rows of those
 * that differ. A look at a bucket's rows reads the whole namespace in most stores, so when many buckets differ a few
 * large slices are read instead.
 */
export async function findSuspiciousKeys(
  comparison: Comparison,
  most: number,
  rowsAtOnce = ROWS_AT_ONCE,
): Promise<Suspicion> {
  let buckets = BUCKETS;
  let look = await differingBuckets(comparison, buckets);
  const slices = Math.max(1, Math.ceil(look.largerRows / rowsAtOnce));
  if (look.differing.length > 0 && slices > buckets) {
    buckets = slices;
    look = await differingBuckets(comparison, buckets);
  }
  const keys: string[] = [];
  let capped = false;
  const coarse = slices < look.differing.length;
  const toRead = coarse ? Array.from({ length: slices }, (_, slice) => slice) : look.differing;
  for (const bucket of toRead) {
    for (const key of await differingKeys(comparison, coarse ? slices : buckets, bucket)) {
      capped = keys.length === most;
      if (capped) break;
      keys.push(key);
    }
    if (capped) break;
  }
  return { rows: look.rows, keys, capped };
}

async function differingBuckets(
  { relation, source, target, targetNamespace }: Comparison,
  buckets: number,
): Promise<{ rows: number; largerRows: number; differing: number[] }> {
  const [atSource, atTarget] = await Promise.all([
    source.bucketHashes(relation.namespace, relation, buckets),
    target.bucketHashes(targetNamespace, relation, buckets),
  ]);
  const left = new Map(atSource.map((bucket) => [bucket.bucket, bucket]));
  const right = new Map(atTarget.map((bucket) => [bucket.bucket, bucket]));
  const differing = [...new Set([...left.keys(), ...right.keys()])].filter((bucket) => {
    const [a, b] = [left.get(bucket), right.get(bucket)];
    return (a?.rows ?? 0) !== (b?.rows ?? 0) || a?.hash !== b?.hash;
  });
  const rows = sumRows(atSource);
  return { rows, largerRows: Math.max(rows, sumRows(atTarget)), differing };
}

async function differingKeys(
  { relation, source, target, targetNamespace }: Comparison,
  buckets: number,
  bucket: number,
): Promise<string[]> {
  const [atSource, atTarget] = await Promise.all([
    source.rowHashes(relation.namespace, relation, buckets, bucket),
    target.rowHashes(targetNamespace, relation, buckets, bucket),
  ]);
  const unmatched = new Map<string, RowHash>(atTarget.map((row) => [row.key, row]));
  const keys: string[] = [];
  for (const row of atSource) {
    if (!sameRow(row, unmatched.get(row.key))) keys.push(row.key);
    unmatched.delete(row.key);
  }
  return [...keys, ...unmatched.keys()];
}

function sumRows(buckets: readonly BucketHash[]): number {
  return buckets.reduce((sum, bucket) => sum + bucket.rows, 0);
}
