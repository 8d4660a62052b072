const WINDOW_MS = 10_000;
const MAX_SAMPLES = 2_000;

/** What this writer has done, and how far behind the source its commits were lately. */
export class WriterMeter {
  changesApplied = 0;
  rowsCopied = 0;
  #samples: { atMs: number; lagMs: number }[] = [];

  committed(changes: number, sourceTimes: readonly number[], nowMs = Date.now()): void {
    this.changesApplied += changes;
    for (const time of sourceTimes)
      if (time > 0) this.#samples.push({ atMs: nowMs, lagMs: Math.max(0, nowMs - time) });
    if (this.#samples.length > 2 * MAX_SAMPLES) this.#samples = this.#samples.slice(-MAX_SAMPLES);
  }

  /** Null when nothing was applied lately. */
  lagMs(nowMs = Date.now()): { p50: number; p99: number } | null {
    this.#samples = this.#samples.filter((sample) => nowMs - sample.atMs <= WINDOW_MS);
    const lags = this.#samples.map((sample) => sample.lagMs).sort((a, b) => a - b);
    if (lags.length === 0) return null;
    const at = (share: number): number => lags[Math.floor(share * (lags.length - 1))]!;
    return { p50: at(0.5), p99: at(0.99) };
  }
}
