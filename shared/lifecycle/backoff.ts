import { setTimeout as sleep } from 'node:timers/promises';
import { isAbort } from '../errors/weir-error.ts';

export interface BackoffOptions {
  firstMs: number;
  maxMs: number;
}

/** Waits longer each time, with jitter, until `reset`. */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  nextMs(random: number = Math.random()): number {
    const { firstMs, maxMs } = this.#options;
    const base = Math.min(maxMs, firstMs * 2 ** this.#failures++);
    return Math.round(base * (0.75 + random / 2));
  }

  reset(): void {
    this.#failures = 0;
  }

  /** Waits; returns at once when aborted. */
  async wait(signal: AbortSignal): Promise<void> {
    await pause(this.nextMs(), signal);
  }
}

/** Sleeps; returns early, without an error, when aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!isAbort(error)) throw error;
  }
}
