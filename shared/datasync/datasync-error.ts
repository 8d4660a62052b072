/** What a caller can tell apart; the message says what is wrong and what to do. `docs/datasync.md` lists them. */
export type DatasyncErrorCode =
  | 'INVALID'
  | 'UNSUPPORTED'
  | 'CONFLICT'
  | 'NOT_APPLIED'
  | 'NOT_FOUND'
  | 'TIMEOUT'
  | 'UNREACHABLE'
  | 'DECODE'
  | 'OVERDUE'
  | 'CLOSED';

export class DatasyncError extends Error {
  override readonly name = 'DatasyncError';
  readonly code: DatasyncErrorCode;

  constructor(code: DatasyncErrorCode, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** An option that a transport cannot keep is refused by name, never ignored. */
export function unsupported(transport: string, option: string, why: string): DatasyncError {
  return new DatasyncError(
    'UNSUPPORTED',
    `the transport "${transport}" cannot keep "${option}": ${why}`,
  );
}

/** The words of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
