import { ERROR_CODES, type ErrorCode } from './codes.ts';
import { fileProblem } from './file-problem.ts';

export interface WeirErrorOptions {
  /** Facts for the log; never row values, never secrets. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** The one error of the house: its message says in one sentence what is wrong and what to do. */
export class WeirError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, options: WeirErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'WeirError';
    this.code = code;
    this.details = options.details ?? {};
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retry;
  }

  get exitCode(): number {
    return ERROR_CODES[this.code].exit;
  }
}

/** True for the rejection of an aborted wait, which is a wish and not a failure. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}

/**
 * Turns anything thrown into a `WeirError`, cause kept. What is not one already is a failure of a file, which may be of any
 * folder that Weir writes, or INTERNAL.
 */
export function toWeirError(error: unknown): WeirError {
  if (error instanceof WeirError) return error;
  const problem = fileProblem(error);
  if (problem !== null) return new WeirError('FILE_REFUSED', problem, { cause: error });
  const message = error instanceof Error ? error.message : String(error);
  return new WeirError('INTERNAL', `unexpected: ${message}`, { cause: error });
}
