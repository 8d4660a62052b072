/** Why a signal was aborted, as an error to throw: an `AbortError` where no other reason was given. */
export function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error
    ? signal.reason
    : new DOMException('This operation was aborted', 'AbortError');
}
