import { refuse } from '../row/canonical/refusal.ts';
import { putBytes } from '../codec/put-bytes.ts';

/** Types of BSON elements (bsonspec.org) that are written or looked at. */
export const BSON = {
  double: 0x01,
  string: 0x02,
  document: 0x03,
  array: 0x04,
  binary: 0x05,
  undefined: 0x06,
  objectId: 0x07,
  boolean: 0x08,
  date: 0x09,
  null: 0x0a,
  regex: 0x0b,
  pointer: 0x0c,
  code: 0x0d,
  symbol: 0x0e,
  scope: 0x0f,
  int32: 0x10,
  timestamp: 0x11,
  int64: 0x12,
  decimal128: 0x13,
  minKey: 0xff,
  maxKey: 0x7f,
} as const;

/** For people: `a BSON int32`. */
export function bsonTypeName(type: number): string {
  const found = Object.entries(BSON).find(([, code]) => code === type)?.[0];
  return `a BSON ${found ?? `type ${type}`}`;
}

export const SUBTYPE_OLD_BINARY = 2;
export const SUBTYPE_UUID = 4;

/** Writes documents element by element into memory that is used again; values go from bytes to bytes. */
export class BsonWriter {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024);
  #at = 0;

  /** Where the next byte goes. */
  get length(): number {
    return this.#at;
  }

  clear(): void {
    this.#at = 0;
    if (this.#bytes.length > MAX_KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(64 * 1024);
  }

  /** A copy of what was written from `start` on. */
  copyFrom(start: number): Buffer {
    return Buffer.from(this.#bytes.subarray(start, this.#at));
  }

  byteAt(offset: number): number {
    return this.#bytes[offset]!;
  }

  /** Begins a document or an array; what it returns is for `end`. */
  begin(): number {
    this.#reserve(4);
    this.#at += 4;
    return this.#at - 4;
  }

  end(start: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = 0;
    this.#bytes.writeInt32LE(this.#at - start, start);
  }

  /** Type and name of an element; its value follows. `name` ends in a zero byte. Returns where the type stands. */
  head(type: number, name: Buffer): number {
    this.#reserve(1 + name.length);
    this.#bytes[this.#at++] = type;
    this.#at = putBytes(this.#bytes, this.#at, name);
    return this.#at - name.length - 1;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  int32(value: number): void {
    this.#reserve(4);
    this.#at = this.#bytes.writeInt32LE(value, this.#at);
  }

  int64(value: bigint): void {
    this.#reserve(8);
    this.#at = this.#bytes.writeBigInt64LE(value, this.#at);
  }

  /** The same of a number that is exact. */
  int64Of(value: number): void {
    this.#reserve(8);
    const high = Math.floor(value / 2 ** 32);
    this.#at = this.#bytes.writeUInt32LE(value - high * 2 ** 32, this.#at);
    this.#at = this.#bytes.writeInt32LE(high, this.#at);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  string(source: Buffer, from: number, to: number): void {
    this.int32(to - from + 1);
    this.#reserve(to - from + 1);
    this.#at = putBytes(this.#bytes, this.#at, source, from, to);
    this.#bytes[this.#at++] = 0;
  }

  /** `source` has two hexadecimal digits a byte between `from` and `to`. */
  binaryOfHex(subtype: number, source: Buffer, from: number, to: number): void {
    const bytes = (to - from) >> 1;
    this.int32(bytes);
    this.byte(subtype);
    this.#reserve(bytes);
    const text = source.toString('latin1', from, to);
    const written = this.#bytes.write(text, this.#at, bytes, 'hex');
    // It ends at what is no digit.
    if (written !== bytes) refuse('it is not bytes as two hexadecimal digits for each of them');
    this.#at += written;
  }

  /** Writes again what stands between `from` and `to`. */
  again(from: number, to: number): void {
    this.#reserve(to - from);
    this.#bytes.copy(this.#bytes, this.#at, from, to);
    this.#at += to - from;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#at + bytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** One huge row must not keep its memory for ever. */
const MAX_KEPT_BYTES = 4 << 20;
