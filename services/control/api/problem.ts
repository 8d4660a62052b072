import { redactUrls } from '../../../shared/config/redact-url.ts';
import { ERROR_CODES, type ErrorCode } from '../../../shared/errors/codes.ts';
import { toWeirError, WeirError } from '../../../shared/errors/weir-error.ts';
import type { ProblemAnswer } from './answers.ts';

/** HTTP status of each error that has one of its own; what is not here is 500. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  CONFIG_INVALID: 422,
  REQUEST_INVALID: 400,
  NOT_FOUND: 404,
  STATE_CONFLICT: 409,
  ALREADY_RUNNING: 409,
  ROW_REFUSED: 409,
  ACCESS_DENIED: 403,
  NOT_SUPPORTED: 422,
  SOURCE_UNFIT: 422,
  TARGET_UNFIT: 422,
  UNREACHABLE: 503,
  STATE_REFUSED: 503,
};

/** An error with a status that its code alone does not say. */
export class HttpError extends WeirError {
  readonly status: number;

  constructor(status: number, code: ErrorCode, message: string) {
    super(code, message);
    this.status = status;
  }
}

/** RFC 9457. What went wrong inside is in the log, and not told to whoever asked. */
export function toProblem(thrown: unknown): ProblemAnswer {
  const error = toWeirError(fromFastify(thrown));
  const status = error instanceof HttpError ? error.status : (STATUS[error.code] ?? 500);
  return {
    type: `urn:weir:error:${error.code}`,
    title: ERROR_CODES[error.code].means,
    status,
    detail:
      error.code === 'INTERNAL'
        ? 'an unexpected error; the log of control says more'
        : redactUrls(error.message),
    code: error.code,
  };
}

function fromFastify(thrown: unknown): unknown {
  if (thrown instanceof WeirError || !(thrown instanceof Error)) return thrown;
  const { statusCode } = thrown as { statusCode?: unknown };
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode > 499) return thrown;
  const what = statusCode === 413 ? 'the body is larger than 256 KiB' : thrown.message;
  return new HttpError(statusCode, 'REQUEST_INVALID', what);
}
