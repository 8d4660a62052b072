/**
 * Waiting that ends when something else breaks meanwhile: a service gives up, the workload fails, the user presses
 * Ctrl-C. What breaks while nobody waits is kept for the next wait, instead of ending the process unhandled.
 */
export class Guard {
  readonly #broken = new AbortController();
  /** Aborted with whatever broke. */
  readonly signal: AbortSignal;

  constructor(interrupted: AbortSignal) {
    this.signal = AbortSignal.any([interrupted, this.#broken.signal]);
  }

  /** From now on, every wait ends when `work` rejects. */
  watch(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#broken.abort(error));
  }

  async wait<T>(work: Promise<T>): Promise<T> {
    const over = new AbortController();
    const broken = new Promise<never>((_, reject) => {
      const stop = (): void => reject(this.signal.reason as Error);
      if (this.signal.aborted) stop();
      else this.signal.addEventListener('abort', stop, { once: true, signal: over.signal });
    });
    try {
      return await Promise.race([work, broken]);
    } finally {
      over.abort();
    }
  }
}
