import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; returns early, without an error, when aborted. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}

/** How long to wait after so many failures: longer each time, with jitter, so that many do not come at once. */
export function backoffMs(failures: number, firstMs: number, maxMs: number): number {
  const base = Math.min(maxMs, firstMs * 2 ** Math.max(0, failures - 1));
  return Math.round(base * (0.75 + Math.random() / 2));
}

/** Whether it settles within that time. */
export async function settlesWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  const settled = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What the work comes to, or the reason of the abort, whichever is first. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Lets work go on that nobody waits for, and says what its failure means. */
export function detach(work: Promise<unknown>, onFailure: (error: unknown) => void): void {
  work.catch(onFailure);
}

/** Somebody who waits until a condition holds is called each time it may. */
export class Changes {
  #waiting: (() => void)[] = [];

  notify(): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (const each of all) each();
  }

  /** Until the next `notify`, or until aborted. */
  async next(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.push(wake);
      signal?.addEventListener('abort', wake);
    });
  }
}
