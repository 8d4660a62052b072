import { NULL_LENGTH, UNCHANGED_LENGTH } from '../../../../shared/change/tuple.ts';

const ZERO = 0x30;

/**
 * Writes tuples (`shared/change/tuple.ts`) one behind the other into bytes that it uses again after `clear`. A value is
 * what is written between `open` and `close`.
 */
export class TupleWriter {
  bytes = Buffer.allocUnsafeSlow(1 << 14);
  at = 0;
  #opened = 0;

  clear(): void {
    this.at = 0;
  }

  /** Begins a tuple and says where. */
  begin(columns: number): number {
    this.reserve(2);
    const from = this.at;
    this.at = this.bytes.writeUInt16BE(columns, from);
    return from;
  }

  null(): void {
    this.reserve(4);
    this.at = this.bytes.writeInt32BE(NULL_LENGTH, this.at);
  }

  unchanged(): void {
    this.reserve(4);
    this.at = this.bytes.writeInt32BE(UNCHANGED_LENGTH, this.at);
  }

  open(): void {
    this.reserve(4);
    this.#opened = this.at;
    this.at += 4;
  }

  close(): void {
    this.bytes.writeInt32BE(this.at - this.#opened - 4, this.#opened);
  }

  /** Also of a part of its own bytes. */
  copy(from: Buffer, start: number, end: number): void {
    this.reserve(end - start);
    // `reserve` may have put its own bytes elsewhere; the ones before are as they were.
    from.copy(this.bytes, this.at, start, end);
    this.at += end - start;
  }

  text(text: string): void {
    // No character of UTF-16 has more than three bytes.
    this.reserve(3 * text.length);
    this.at += this.bytes.write(text, this.at);
  }

  ascii(code: number): void {
    this.reserve(1);
    this.bytes[this.at++] = code;
  }

  /** A number from 0 on, in so many digits. */
  digits(number: number, width: number): void {
    this.reserve(width);
    let rest = number;
    for (let place = this.at + width - 1; place >= this.at; place--) {
      this.bytes[place] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.at += width;
  }

  /** A whole number that a float holds. */
  integer(number: number): void {
    const size = Math.abs(number);
    if (number < 0) this.ascii(0x2d);
    let width = 1;
    for (let most = 10; most <= size; most *= 10) width++;
    this.digits(size, width);
  }

  reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.at + count));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }
}
