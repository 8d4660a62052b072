import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  timeoutMs?: number;
  everyMs?: number;
}

/** Asks until the answer is neither undefined nor false, and gives it; at the deadline it says what never came. */
export async function waitFor<T>(
  what: string,
  probe: () => T | Promise<T>,
  { timeoutMs = 30_000, everyMs = 50 }: WaitOptions = {},
): Promise<Exclude<T, undefined | false>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const { answer, error } = await attempt(probe);
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    if (Date.now() >= deadline) {
      throw new Error(`${what} did not happen within ${timeoutMs} ms`, { cause: error });
    }
    await sleep(everyMs);
  }
}

/** A probe may fail while a server is away; what it failed with is told at the deadline. */
async function attempt<T>(probe: () => T | Promise<T>): Promise<{ answer?: T; error?: unknown }> {
  try {
    return { answer: await probe() };
  } catch (error) {
    return { error };
  }
}
