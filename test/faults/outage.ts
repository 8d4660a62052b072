import { setTimeout as sleep } from 'node:timers/promises';

/** Runs `work` again after each failure that a database's death explains, until it returns or is no longer wanted. */
export async function retryOutages(wanted: AbortSignal, work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!isOutage(error)) throw error;
    }
    if (wanted.aborted) return;
    await sleep(100);
  }
}

/** A connection that broke (no SQLSTATE), or a server that shuts down, starts, or has lost its memory (57, 08). */
function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const state = 'severity' in error && 'code' in error ? String(error.code) : '';
  return state === '' || /^(57|08)/.test(state);
}
