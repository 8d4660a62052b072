import { status } from '@grpc/grpc-js';
import { DocumentError } from '../../shared/document/document-error.ts';
import { isAbort, toWeirError, WeirError } from '../../shared/errors/weir-error.ts';

/** What a peer is told of a failure: whether it is worth trying again is in the code. */
export class CallError extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.name = 'CallError';
    this.code = code;
  }
}

export function toCallError(error: unknown): CallError {
  if (error instanceof CallError) return error;
  if (isAbort(error)) return new CallError(status.UNAVAILABLE, 'the server is stopping');
  const { message } = toWeirError(error);
  return new CallError(codeOf(error), message);
}

function codeOf(error: unknown): status {
  if (!(error instanceof WeirError)) return status.INTERNAL;
  if (error instanceof DocumentError) return status.INVALID_ARGUMENT;
  if (error.retryable) return status.UNAVAILABLE;
  switch (error.code) {
    case 'CONFIG_INVALID':
    case 'ROW_REFUSED':
      return status.INVALID_ARGUMENT;
    case 'INTERNAL':
      return status.INTERNAL;
    default:
      return status.FAILED_PRECONDITION;
  }
}
