/**
 * A row as bytes: u16 column count, then for each column an i32 length and that many bytes; big-endian.
 * A negative length is a state and not a value: NULL (-1) or UNCHANGED (-2: the target's value stays).
 *
 * The layout is that of a row in PostgreSQL's binary COPY (manual, "COPY", Binary Format, Tuples) with UNCHANGED
 * added, so a row without unchanged columns loads there as it is. A key is the same without the count.
 */
export const NULL_LENGTH = -1;
export const UNCHANGED_LENGTH = -2;

/** Byte offsets of each column's length field, then the end: `count + 1` entries. */
export function columnOffsets(tuple: Buffer, start = 0): number[] {
  const count = tuple.readUInt16BE(start);
  const offsets = new Array<number>(count + 1);
  let at = start + 2;
  for (let i = 0; i < count; i++) {
    offsets[i] = at;
    const length = tuple.readInt32BE(at);
    at += 4 + (length > 0 ? length : 0);
  }
  offsets[count] = at;
  return offsets;
}

export function hasUnchanged(tuple: Buffer): boolean {
  const offsets = columnOffsets(tuple);
  for (let i = 0; i + 1 < offsets.length; i++)
    if (tuple.readInt32BE(offsets[i]!) === UNCHANGED_LENGTH) return true;
  return false;
}

/** `later`, with each unchanged column taken from `earlier` (which may itself be unchanged there). New bytes. */
export function fillUnchanged(later: Buffer, earlier: Buffer): Buffer {
  const a = columnOffsets(later);
  const b = columnOffsets(earlier);
  const parts: Buffer[] = [later.subarray(0, 2)];
  for (let i = 0; i + 1 < a.length; i++) {
    const unchanged = later.readInt32BE(a[i]!) === UNCHANGED_LENGTH;
    parts.push(unchanged ? earlier.subarray(b[i]!, b[i + 1]!) : later.subarray(a[i]!, a[i + 1]!));
  }
  return Buffer.concat(parts);
}

/** With NULL for whatever is unchanged. New bytes. */
export function withNulls(tuple: Buffer): Buffer {
  const row = Buffer.from(tuple);
  const offsets = columnOffsets(row);
  for (let i = 0; i + 1 < offsets.length; i++)
    if (row.readInt32BE(offsets[i]!) === UNCHANGED_LENGTH)
      row.writeInt32BE(NULL_LENGTH, offsets[i]);
  return row;
}

/** Makes a tuple from values; strings are UTF-8, `null` is NULL, `undefined` is UNCHANGED. */
export function toTuple(values: (Uint8Array | string | null | undefined)[]): Buffer {
  const parts: Buffer[] = [Buffer.alloc(2)];
  parts[0]!.writeUInt16BE(values.length);
  for (const value of values) {
    const length = Buffer.alloc(4);
    parts.push(length);
    if (value === null || value === undefined) {
      length.writeInt32BE(value === null ? NULL_LENGTH : UNCHANGED_LENGTH);
    } else {
      const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.from(value);
      length.writeInt32BE(bytes.length);
      parts.push(bytes);
    }
  }
  return Buffer.concat(parts);
}

/** The key of a row: its key columns, each with its length, one after the other. New bytes. */
export function keyOf(tuple: Buffer, key: readonly number[]): Buffer {
  const offsets = columnOffsets(tuple);
  return Buffer.concat(key.map((i) => tuple.subarray(offsets[i]!, offsets[i + 1]!)));
}
