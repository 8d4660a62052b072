/** Cuts a run of tuples (`tuple.ts`), which comes in pieces of any length, into pieces of whole tuples. */
export class TupleCutter {
  readonly #leastBytes: number;
  /** What has come and was not given yet; the scan has come to `#at` of it. */
  #pieces: Buffer[] = [];
  #bytes = 0;
  #at = 0;
  #columnsLeft = 0;
  #lastEnd = 0;
  /** The scan cannot go on with less than so much. */
  #needed = 2;

  constructor(leastBytes: number) {
    this.#leastBytes = leastBytes;
  }

  /** Pieces of at least so many bytes; `bytes` is copied. */
  take(bytes: Buffer): Buffer[] {
    this.#pieces.push(Buffer.from(bytes));
    this.#bytes += bytes.length;
    // Put together only when it helps: a large value comes in many pieces.
    if (this.#bytes < this.#needed) return [];
    let all = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
    const cut: Buffer[] = [];
    while (this.#step(all)) {
      if (this.#columnsLeft > 0 || this.#at < this.#leastBytes) continue;
      cut.push(all.subarray(0, this.#at));
      all = all.subarray(this.#at);
      this.#at = 0;
      this.#lastEnd = 0;
    }
    this.#pieces = [all];
    this.#bytes = all.length;
    return cut;
  }

  /** What is left at the end. */
  rest(): Buffer {
    return Buffer.concat(this.#pieces).subarray(0, this.#lastEnd);
  }

  /** Goes on by a tuple's count of columns or by one value; false where it has not come whole. */
  #step(bytes: Buffer): boolean {
    if (this.#columnsLeft === 0) {
      if (!this.#has(bytes, this.#at + 2)) return false;
      this.#columnsLeft = bytes.readUInt16BE(this.#at);
      this.#at += 2;
    } else {
      if (!this.#has(bytes, this.#at + 4)) return false;
      const end = this.#at + 4 + Math.max(0, bytes.readInt32BE(this.#at));
      if (!this.#has(bytes, end)) return false;
      this.#at = end;
      this.#columnsLeft--;
    }
    if (this.#columnsLeft === 0) this.#lastEnd = this.#at;
    return true;
  }

  #has(bytes: Buffer, end: number): boolean {
    if (end <= bytes.length) return true;
    this.#needed = end;
    return false;
  }
}
