import { errorPolicy } from '../../../shared/errors/error-policy.ts';
import { Backoff } from '../../../shared/lifecycle/backoff.ts';

/** Then the whole session or lane begins anew, which is told to people. */
const ATTEMPTS = 6;

export function createBackoff(): Backoff {
  return new Backoff({ firstMs: 200, maxMs: 5_000 });
}

/** Does it again while it fails with what heals by itself; the work must be one that may be done twice. */
export async function withRetry<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const backoff = createBackoff();
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS || errorPolicy(error) !== 'retry') throw error;
    }
    await backoff.wait(signal);
    signal.throwIfAborted();
  }
}
