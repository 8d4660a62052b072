/**
 * Bytes that come cut anywhere, for a parser that takes from their front what is whole. What is left stays where it is
 * and what comes is put behind it, in memory that doubles: a large value in many pieces is not copied once for each.
 */
export class JoinedBytes {
  #buffer: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;
  /** What `add` gave is its piece itself. */
  #isBare = false;

  /** What was kept, with `piece` behind it: a view that stays valid as long as the piece does. */
  add(piece: Buffer): Buffer {
    const kept = this.#to - this.#from;
    this.#isBare = kept === 0;
    if (this.#isBare) return piece;
    if (this.#buffer.length - this.#to < piece.length) {
      const grown = Buffer.allocUnsafeSlow(2 * (kept + piece.length));
      this.#buffer.copy(grown, 0, this.#from, this.#to);
      this.#buffer = grown;
      this.#from = 0;
      this.#to = kept;
    }
    this.#to += piece.copy(this.#buffer, this.#to);
    return this.#buffer.subarray(this.#from, this.#to);
  }

  /** What was not whole when `keep` was last called. */
  get kept(): Buffer {
    return this.#buffer.subarray(this.#from, this.#to);
  }

  /** Of `all`, which `add` gave, what begins at `at` is not whole. */
  keep(all: Buffer, at: number): void {
    if (this.#isBare) {
      this.#buffer = Buffer.from(all.subarray(at));
      this.#from = 0;
      this.#to = this.#buffer.length;
    } else this.#from += at;
    // Nobody waits for it: it must not be held.
    if (this.#from === this.#to) this.#buffer = Buffer.alloc((this.#from = this.#to = 0));
  }
}
