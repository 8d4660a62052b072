import type { Logger } from 'pino';
import { errorPolicy } from '../errors/error-policy.ts';
import { toWeirError } from '../errors/weir-error.ts';
import { Backoff } from './backoff.ts';

export interface ServiceOptions {
  log: Logger;
  signal: AbortSignal;
  /** Runs until aborted or finished; everything it opened is closed when it returns or throws. */
  body: (signal: AbortSignal) => Promise<void>;
  /** Told each time the body has failed: the sentence, and the code of the error. */
  onProblem: (problem: string, code: string) => void;
}

/** After this long without a failure the waiting starts from the beginning again. */
const HEALTHY_MS = 30_000;

/** Runs a service's body again and again while its failures can heal by themselves; throws the first that cannot. */
export async function runService({ log, signal, body, onProblem }: ServiceOptions): Promise<void> {
  const backoff = new Backoff({ firstMs: 250, maxMs: 10_000 });
  while (!signal.aborted) {
    const startedAtMs = Date.now();
    try {
      await body(signal);
      return;
    } catch (thrown) {
      const error = toWeirError(thrown);
      const action = errorPolicy(thrown);
      if (action === 'ignore') {
        // An abort that nobody asked for here: not a problem to tell of, but not to be repeated at once either.
        await backoff.wait(signal);
        continue;
      }
      onProblem(error.message, error.code);
      if (action === 'stop') {
        // The sentence is for whoever catches it; the code is what the logs are searched for.
        log.error({ code: error.code }, 'service gave up');
        throw error;
      }
      if (Date.now() - startedAtMs > HEALTHY_MS) backoff.reset();
      log.warn({ code: error.code, reason: error.message }, 'service failed, trying again');
      await backoff.wait(signal);
    }
  }
}
