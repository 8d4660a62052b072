import { NULL_LENGTH, UNCHANGED_LENGTH } from '../../../../../shared/change/tuple.ts';
import { MOST_TIMES, writeLabelArray } from './label-array.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';

const NULL = 0x6e;
const UNCHANGED = 0x75;
const TEXT = 0x74;
const BINARY = 0x62;
/** Below this many bytes a loop is faster than the view that a block copy needs. */
const LOOP_BYTES = 48;

/**
 * One tuple in the layout of `shared/change/tuple.ts`, made from `pgoutput`'s TupleData (manual, "Logical
 * Replication Message Formats") in memory that is used again for the next: views of it are valid until then.
 */
export class TupleScratch {
  /** Columns without a value because it did not change. */
  unchanged = 0;
  #buffer = Buffer.allocUnsafeSlow(64 * 1024);
  /** Where each column's length field starts, then the end. */
  #offsets = new Int32Array(64);
  #count = 0;
  #keyBuffer = Buffer.allocUnsafeSlow(1024);

  /**
   * Reads the TupleData at `at` of `source`, whose message ends at `end`, and returns where it stops. Unchanged
   * values are taken from `old` where it has them: of all columns, or of those of `oldKey` only (where `old` is a
   * key, its other columns are null and mean nothing). `asText`: columns of a binary stream that become text.
   */
  read(
    source: Buffer,
    at: number,
    end: number,
    columns: number,
    binary: boolean,
    old: TupleScratch | null,
    oldKey: readonly number[] | null,
    asText: readonly boolean[] | null = null,
  ): number {
    const count = (source[at]! << 8) | source[at + 1]!;
    if (count !== columns) throw layoutError();
    const most = asText === null ? end - at : MOST_TIMES * (end - at);
    this.#reserve(most + 4 * count + (old === null ? 0 : old.#offsets[old.#count]!), count);
    const target = this.#buffer;
    const offsets = this.#offsets;
    const expected = binary ? BINARY : TEXT;
    this.#count = count;
    this.unchanged = 0;
    target[0] = source[at]!;
    target[1] = source[at + 1]!;
    at += 2;
    let to = 2;
    for (let i = 0; i < count; i++) {
      offsets[i] = to;
      const kind = source[at++]!;
      if (asText !== null && asText[i] === true && (kind === BINARY || kind === TEXT)) {
        const length = source.readInt32BE(at);
        const until =
          kind === BINARY
            ? writeLabelArray(target, to + 4, source, at + 4)
            : to + 4 + source.copy(target, to + 4, at + 4, at + 4 + length);
        target.writeInt32BE(until - to - 4, to);
        to = until;
        at += 4 + length;
      } else if (kind === expected) {
        const bytes = 4 + source.readInt32BE(at);
        if (bytes <= LOOP_BYTES) for (let k = 0; k < bytes; k++) target[to + k] = source[at + k]!;
        else source.copy(target, to, at, at + bytes);
        at += bytes;
        to += bytes;
      } else if (kind === NULL) {
        to = writeState(target, to, NULL_LENGTH);
      } else if (kind === UNCHANGED) {
        if (old !== null && (oldKey === null || oldKey.includes(i))) {
          const from = old.#offsets[i]!;
          const until = old.#offsets[i + 1]!;
          old.#buffer.copy(target, to, from, until);
          to += until - from;
        } else {
          to = writeState(target, to, UNCHANGED_LENGTH);
          this.unchanged++;
        }
      } else throw layoutError();
    }
    offsets[count] = to;
    return at;
  }

  /** The whole tuple. */
  row(): Buffer {
    return this.#buffer.subarray(0, this.#offsets[this.#count]);
  }

  /** The values of the key columns, which are given in ascending order. */
  key(columns: readonly number[]): Buffer {
    const first = columns[0]!;
    const last = columns[columns.length - 1]!;
    if (last - first === columns.length - 1)
      return this.#buffer.subarray(this.#offsets[first], this.#offsets[last + 1]);
    let length = 0;
    for (const column of columns) length += this.#offsets[column + 1]! - this.#offsets[column]!;
    if (this.#keyBuffer.length < length) this.#keyBuffer = Buffer.allocUnsafeSlow(length * 2);
    let to = 0;
    for (const column of columns)
      to += this.#buffer.copy(
        this.#keyBuffer,
        to,
        this.#offsets[column],
        this.#offsets[column + 1],
      );
    return this.#keyBuffer.subarray(0, length);
  }

  #reserve(bytes: number, columns: number): void {
    if (this.#buffer.length < bytes) {
      this.#buffer = Buffer.allocUnsafeSlow(Math.ceil(bytes * 1.25));
    } else if (this.#buffer.length > MAX_KEPT_BYTES && bytes <= MAX_KEPT_BYTES) {
      this.#buffer = Buffer.allocUnsafeSlow(MAX_KEPT_BYTES);
    }
    if (this.#offsets.length <= columns) this.#offsets = new Int32Array(columns + 1);
  }
}

/** One huge row must not keep its memory for ever. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/** A length from -1 to -256, in place. */
function writeState(target: Buffer, to: number, length: number): number {
  target[to] = target[to + 1] = target[to + 2] = 0xff;
  target[to + 3] = length & 0xff;
  return to + 4;
}

function layoutError(): WeirError {
  return new WeirError(
    'INTERNAL',
    'a change from the source does not have the columns or the format that its relation announced',
  );
}
