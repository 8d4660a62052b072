import { columnOffsets, UNCHANGED_LENGTH } from '../../../../../shared/change/tuple.ts';

/**
 * Turns tuples and keys into rows of binary COPY, for the staging tables they are loaded into.
 */

/** Keys (columns without their count) as rows. */
export function* toKeyRows(keys: Iterable<Buffer>, columns: number): Generator<Buffer> {
  const count = Buffer.allocUnsafe(2);
  count.writeUInt16BE(columns);
  for (const key of keys) {
    yield count;
    yield key;
  }
}

/**
 * Tuples with unchanged columns as rows: such a column becomes NULL, and a last column of type bytea has its bit set
 * (as `get_bit` counts: bit n is bit n % 8 of byte n / 8).
 */
export function toMaskedRow(tuple: Buffer): Buffer {
  const offsets = columnOffsets(tuple);
  const count = offsets.length - 1;
  const maskBytes = Math.max(1, Math.ceil(count / 8));
  const bytes = offsets[count]!;
  const row = Buffer.alloc(bytes + 4 + maskBytes);
  tuple.copy(row, 0, 0, bytes);
  row.writeUInt16BE(count + 1, 0);
  row.writeInt32BE(maskBytes, bytes);
  const mask = row.subarray(bytes + 4, bytes + 4 + maskBytes);
  for (let i = 0; i < count; i++) {
    if (tuple.readInt32BE(offsets[i]!) !== UNCHANGED_LENGTH) continue;
    row.writeInt32BE(-1, offsets[i]!);
    mask[i >> 3]! |= 1 << (i & 7);
  }
  return row;
}

export function* toMaskedRows(tuples: Iterable<Buffer>): Generator<Buffer> {
  for (const tuple of tuples) yield toMaskedRow(tuple);
}
