import type { Relation } from '../../change/relation.ts';
import { NULL_LENGTH } from '../../change/tuple.ts';
import type { Codec } from './codec.ts';
import { Refusal } from './refusal.ts';
import { hasLoneHalf } from './string.ts';
import { columnCodec } from './column-codec.ts';

/** A value of a row that its column cannot hold. */
export class ValueRefusal extends Error {
  /** Its place among the columns. */
  readonly column: number;
  readonly reason: string;

  constructor(column: number, { reason }: Refusal) {
    super(reason);
    this.column = column;
    this.reason = reason;
  }
}

/**
 * Makes tuples (`tuple.ts`) of text from outside: each value in the canonical form of its column's type. Compiled once for
 * a relation; of a value that is in that form already nothing is made but its bytes.
 */
export class RowCodec {
  readonly #codecs: readonly Codec[];
  #scratch = Buffer.allocUnsafeSlow(1 << 10);

  constructor({ columns }: Pick<Relation, 'columns'>) {
    this.#codecs = columns.map(columnCodec);
  }

  /** New bytes. Null is NULL. Throws `ValueRefusal`. */
  write(values: readonly (string | null)[]): Buffer {
    let at = 2;
    for (let column = 0; column < this.#codecs.length; column++) {
      const text = values[column]!;
      if (text === null) {
        this.#reserve(at, 4);
        at = this.#scratch.writeInt32BE(NULL_LENGTH, at);
      } else at = this.#put(column, text, at);
    }
    this.#scratch.writeUInt16BE(this.#codecs.length, 0);
    return Buffer.from(this.#scratch.subarray(0, at));
  }

  #put(column: number, text: string, at: number): number {
    const codec = this.#codecs[column]!;
    const end = this.#text(text, at);
    const isText = end - at - 4 === text.length || !hasLoneHalf(text);
    if (isText && codec.isCanonical(this.#scratch, at + 4, end)) return end;
    try {
      return this.#text(codec.read(text), at);
    } catch (error) {
      if (error instanceof Refusal) throw new ValueRefusal(column, error);
      throw error;
    }
  }

  /** With its length before it; returns where it ends. */
  #text(text: string, at: number): number {
    // No character of UTF-16 has more than three bytes.
    this.#reserve(at, 4 + 3 * text.length);
    const bytes = this.#scratch.write(text, at + 4);
    this.#scratch.writeInt32BE(bytes, at);
    return at + 4 + bytes;
  }

  #reserve(at: number, bytes: number): void {
    if (at + bytes <= this.#scratch.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (at + bytes));
    this.#scratch.copy(larger, 0, 0, at);
    this.#scratch = larger;
  }
}
