import { isAbort, toWeirError } from './weir-error.ts';

export type ErrorAction = 'retry' | 'stop' | 'ignore';

/** What a service does about an error: pure and total; what is unknown stops rather than spins. */
export function errorPolicy(error: unknown): ErrorAction {
  if (isAbort(error)) return 'ignore';
  return toWeirError(error).retryable ? 'retry' : 'stop';
}
