import { status, type ServiceError } from '@grpc/grpc-js';
import { redactUrls } from '../config/redact-url.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { isAbort, WeirError } from '../errors/weir-error.ts';

const MAX_DETAILS = 300;

/**
 * Turns what a call failed with into the house's error; `doing` says what was being tried and where, `permanent` the
 * code for what does not heal by itself and has none of its own.
 */
export function toCallFailure(error: unknown, doing: string, permanent: ErrorCode): Error {
  if (error instanceof WeirError || (error instanceof Error && isAbort(error))) return error;
  if (!isServiceError(error))
    return new WeirError('INTERNAL', `${doing} failed unexpectedly`, { cause: error });
  const name = status[error.code] ?? String(error.code);
  const said = redactUrls(error.details).replaceAll(/\s+/g, ' ').trim().slice(0, MAX_DETAILS);
  const message = `${doing} failed: ${said === '' ? 'no reason was given' : said} [${name}]`;
  return new WeirError(codeOf(error, permanent), message, {
    cause: error,
    details: { grpcStatus: error.code },
  });
}

/** The status a call failed with; null where the error is not of a call. */
export function callStatus(error: unknown): status | null {
  if (isServiceError(error)) return error.code;
  const known = error instanceof WeirError ? error.details['grpcStatus'] : undefined;
  return typeof known === 'number' ? known : null;
}

function isServiceError(error: unknown): error is ServiceError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'number' &&
    'details' in error &&
    typeof error.details === 'string'
  );
}

function codeOf({ code, details }: ServiceError, permanent: ErrorCode): ErrorCode {
  switch (code) {
    case status.UNAVAILABLE:
    case status.ABORTED:
    case status.DEADLINE_EXCEEDED:
    case status.CANCELLED:
      return 'UNREACHABLE';
    case status.RESOURCE_EXHAUSTED:
      // That one message is too large does not heal.
      return /larger than|exceeds|too (large|big)/i.test(details) ? permanent : 'UNREACHABLE';
    case status.INTERNAL:
      // So this library tells of a connection that broke in the middle.
      return details.startsWith('Received RST_STREAM') ? 'UNREACHABLE' : permanent;
    case status.UNAUTHENTICATED:
    case status.PERMISSION_DENIED:
      return 'ACCESS_DENIED';
    case status.UNIMPLEMENTED:
      return 'NOT_SUPPORTED';
    default:
      return permanent;
  }
}
