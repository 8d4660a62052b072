import type { ErrorCode } from '../../../shared/errors/codes.ts';
import { isAbort, toWeirError, WeirError } from '../../../shared/errors/weir-error.ts';

/**
 * Turns what `pg` or a socket threw into the house's error. `doing` says what was being tried and where, e.g.
 * `reading the catalog of localhost:5432/shop`. The server's DETAIL, WHERE and HINT never get in, because they
 * may hold row values; neither do the quoted parts of messages about data.
 */
export function toPostgresError(error: unknown, doing: string): WeirError {
  if (error instanceof WeirError) return error;
  const fields = errorFields(error);
  const state = fields.code;
  if (state !== undefined && /^[0-9A-Z]{5}$/.test(state) && fields.severity !== undefined) {
    const names = [
      ['table', fields.table],
      ['column', fields.column],
      ['constraint', fields.constraint],
    ].flatMap(([what, name]) => (name === undefined ? [] : [`${what} ${name}`]));
    const about = names.length === 0 ? '' : ` (${names.join(', ')})`;
    return new WeirError(
      codeOfState(state, fields.message),
      `${capital(doing)} failed: ${safeMessage(state, fields.message)}${about} [${state}].`,
      { cause: withoutRows(error), details: { sqlState: state } },
    );
  }
  if (isAbort(error)) return toWeirError(error);
  if (isConnectionLoss(state, fields.message))
    return new WeirError(
      'UNREACHABLE',
      `${capital(doing)} failed: ${lossMessage(state, fields.message)}.`,
      { cause: error },
    );
  return new WeirError('INTERNAL', `${capital(doing)} failed: ${fields.message}`, { cause: error });
}

interface ErrorFields {
  message: string;
  code?: string;
  severity?: string;
  table?: string;
  column?: string;
  constraint?: string;
}

function errorFields(error: unknown): ErrorFields {
  if (typeof error !== 'object' || error === null) return { message: String(error) };
  const record = error as Record<string, unknown>;
  const fields: ErrorFields = { message: typeof record.message === 'string' ? record.message : '' };
  for (const name of ['code', 'severity', 'table', 'column', 'constraint'] as const) {
    const value = record[name];
    if (typeof value === 'string') fields[name] = value;
  }
  // `Promise.any` style errors of a host with several addresses carry their reasons inside.
  if (fields.message === '' && Array.isArray(record.errors))
    fields.message = record.errors.map((inner) => errorFields(inner).message).join('; ');
  return fields;
}

/** SQLSTATEs by which a server refuses a row (manual, appendix A); 54000: a value is too large for an index. */
export const REFUSING_STATES = /^(21|22|23|44|P0|54000)/;

/** By SQLSTATE. */
function codeOfState(state: string, message: string): ErrorCode {
  const kind = state.slice(0, 2);
  // The connection that exported the snapshot is gone: a new start takes a new one.
  if (/snapshot .* does not exist|invalid snapshot identifier/.test(message)) return 'UNREACHABLE';
  if (state === '42501' || kind === '28') return 'ACCESS_DENIED';
  if (state === '3D000') return 'CONFIG_INVALID';
  if (kind === '08' || kind === '53' || kind === '40' || kind === '57' || kind === '58')
    return 'UNREACHABLE';
  // 55P03: a lock was not available; 55006: an object, such as a slot, is in use.
  if (state === '55P03' || state === '55006') return 'UNREACHABLE';
  // Read only: a standby that is about to be promoted.
  if (state === '25006') return 'UNREACHABLE';
  if (state === '42P01' || state === '42703' || state === '3F000') return 'SCHEMA_CHANGED';
  return REFUSING_STATES.test(state) ? 'ROW_REFUSED' : 'INTERNAL';
}

/** Messages of data errors quote the value; those that functions raise may say anything. */
function safeMessage(state: string, message: string): string {
  if (state.startsWith('P0')) return 'a trigger or function raised an exception';
  if (state.startsWith('22')) return message.replaceAll(/"[^]*"/g, '"…"').replace(/: .*$/s, '');
  return message;
}

/** Keeps the stack of the cause without the fields that may hold row values. */
function withoutRows(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  const kept = new Error(safeMessage(errorFields(error).code ?? '', error.message));
  kept.stack = (error.stack ?? '').replace(error.message, kept.message);
  return kept;
}

const LOSS_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);

function isConnectionLoss(code: string | undefined, message: string): boolean {
  if (code !== undefined && LOSS_CODES.has(code)) return true;
  return /terminated|timeout expired|timed out|not queryable|connection error|was closed|socket hang up|write after end|ECONN/i.test(
    message,
  );
}

function lossMessage(code: string | undefined, message: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'nothing listens there (connection refused); start the server or correct the address';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name could not be found; correct the address';
    case 'ENOENT':
      return 'there is no such socket; start the server or correct the path';
    default:
      return message === '' ? (code ?? 'the connection was lost') : message.replace(/\.$/, '');
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
