/** How fast a total grows, over a window of time. */
export class Rate {
  readonly #windowMs: number;
  #samples: { atMs: number; total: number }[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** A total that is less than before began anew. */
  add(total: number, atMs: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && total < last.total) this.#samples = [];
    this.#samples.push({ atMs, total });
    while (this.#samples.length > 2 && atMs - this.#samples[1]!.atMs > this.#windowMs)
      this.#samples.shift();
  }

  /** How much of the window is seen. */
  get spanMs(): number {
    return (this.#samples.at(-1)?.atMs ?? 0) - (this.#samples[0]?.atMs ?? 0);
  }

  /** Null before there are two looks: nobody knows yet whether anything grows. */
  perSecond(): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return null;
    return ((last.total - first.total) * 1_000) / (last.atMs - first.atMs);
  }
}
