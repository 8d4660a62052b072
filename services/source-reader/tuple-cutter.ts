import { JoinedBytes } from '../../shared/codec/joined-bytes.ts';

/** Cuts a run of tuples (`tuple.ts`), which comes in pieces of any length, into pieces of whole tuples. */
export class TupleCutter {
  readonly #leastBytes: number;
  readonly #joined = new JoinedBytes();
  /** The scan has come so far in what was not given yet. */
  #at = 0;
  #columnsLeft = 0;
  #lastEnd = 0;

  constructor(leastBytes: number) {
    this.#leastBytes = leastBytes;
  }

  /** Pieces of at least so many bytes; views, as of `bytes`. */
  take(bytes: Buffer): Buffer[] {
    const all = this.#joined.add(bytes);
    const cut: Buffer[] = [];
    let from = 0;
    let rest = all;
    while (this.#step(rest)) {
      if (this.#columnsLeft > 0 || this.#at < this.#leastBytes) continue;
      cut.push(rest.subarray(0, this.#at));
      from += this.#at;
      rest = all.subarray(from);
      this.#at = 0;
      this.#lastEnd = 0;
    }
    this.#joined.keep(all, from);
    return cut;
  }

  /** What is left at the end. */
  rest(): Buffer {
    return this.#joined.kept.subarray(0, this.#lastEnd);
  }

  /** Goes on by a tuple's count of columns or by one value; false where it has not come whole. */
  #step(bytes: Buffer): boolean {
    if (this.#columnsLeft === 0) {
      if (this.#at + 2 > bytes.length) return false;
      this.#columnsLeft = bytes.readUInt16BE(this.#at);
      this.#at += 2;
    } else {
      if (this.#at + 4 > bytes.length) return false;
      const end = this.#at + 4 + Math.max(0, bytes.readInt32BE(this.#at));
      if (end > bytes.length) return false;
      this.#at = end;
      this.#columnsLeft--;
    }
    if (this.#columnsLeft === 0) this.#lastEnd = this.#at;
    return true;
  }
}
