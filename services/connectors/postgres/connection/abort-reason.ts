import { detach } from '../../../../shared/lifecycle/detach.ts';

/** Why a signal was aborted, as an error to throw: an `AbortError` where no other reason was given. */
export function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error
    ? signal.reason
    : new DOMException('This operation was aborted', 'AbortError');
}

/** Waits for `wait`, but no longer than until the signal is aborted. */
export function orAborted<T>(wait: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortReason(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = wait
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
    detach(settle, reject);
  });
}
