import { isAbort, toWeirError, WeirError } from '../../../../shared/errors/weir-error.ts';
import { adviceOf, codeOfState, functionIn } from './sql-state.ts';

/**
 * Turns what `pg` or a socket threw into the house's error. `doing` says what was being tried and where, e.g.
 * `reading the catalog of localhost:5432/shop`. Of the server's CONTEXT only the name of a function gets in, and DETAIL
 * and HINT only where they are about objects, because they may hold row values; neither do the quoted parts of messages
 * about data.
 */
export function toPostgresError(error: unknown, doing: string): WeirError {
  if (error instanceof WeirError) return error;
  const fields = errorFields(error);
  const state = fields.code;
  if (isBeyondMessage(fields))
    return new WeirError(
      'ROW_TOO_LARGE',
      `${capital(doing)} failed: a row, or a value as text, takes more than the 1 GB that PostgreSQL sends or takes at once (${fields.message}) [${state}]; make it smaller at the source, or leave its table out with source.namespaces.`,
      { cause: withoutRows(error), details: { sqlState: state } },
    );
  if (state !== undefined && /^[0-9A-Z]{5}$/.test(state) && fields.severity !== undefined) {
    const names = [
      ['table', fields.table],
      ['column', fields.column],
      ['constraint', fields.constraint],
    ].flatMap(([what, name]) => (name === undefined ? [] : [`${what} ${name}`]));
    const about = names.length === 0 ? '' : ` (${names.join(', ')})`;
    const raised = functionIn(fields.where);
    const by = raised === null ? '' : `, raised by the function ${raised}`;
    const code = isPassing(fields) ? 'UNREACHABLE' : codeOfState(state);
    const told =
      code === 'STATEMENT_REFUSED' && raised === null ? [fields.detail, fields.hint] : [];
    const more = [adviceOf(state), ...told].flatMap((text) =>
      text ? ` ${text.replace(/[.\s]*$/, '')}.` : [],
    );
    return new WeirError(
      // What a function of the user does is no statement of ours.
      code === 'INTERNAL' && raised !== null ? 'STATEMENT_REFUSED' : code,
      `${capital(doing)} failed: ${safeMessage(state, fields.message, raised !== null)}${about}${by} [${state}].${more.join('')}`,
      {
        cause: withoutRows(error),
        details: { sqlState: state, ...(raised === null ? {} : { raisedBy: raised }) },
      },
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

/** The same where rows are read: what is refused there is a value that the source itself cannot give. */
export function toSourceError(error: unknown, doing: string): WeirError {
  const found = toPostgresError(error, doing);
  if (found === error || found.code !== 'ROW_REFUSED') return found;
  return new WeirError(
    'SOURCE_UNFIT',
    `${found.message} The source cannot write one of its values as text in UTF-8; correct that row there.`,
    { cause: found.cause, details: found.details },
  );
}

/** The server's own memory for a message ends at 1 GB; 54000 is also said of an index's row, in other words. */
function isBeyondMessage({ code, message, routine }: ErrorFields): boolean {
  // The server's internal errors are in English everywhere.
  if (code === 'XX000') return message.startsWith('invalid memory alloc request size');
  return code === '54000' && routine === 'enlargeStringInfo';
}

interface ErrorFields {
  message: string;
  code?: string;
  severity?: string;
  table?: string;
  column?: string;
  constraint?: string;
  detail?: string;
  hint?: string;
  where?: string;
  /** The server's function in C that raised it, which has the same name in every language. */
  routine?: string;
}

const FIELDS = [
  'code',
  'severity',
  'table',
  'column',
  'constraint',
  'detail',
  'hint',
  'where',
  'routine',
] as const;

/**
 * The connection that exported the snapshot is gone: a new start takes a new one. Or two sessions have changed the same
 * entry of the catalog, of which one has to come again.
 */
function isPassing({ message, routine }: ErrorFields): boolean {
  return (
    routine === 'ImportSnapshot' ||
    routine === 'SetTransactionSnapshot' ||
    /^tuple concurrently/.test(message)
  );
}

/** A row that no partition takes: a check that has no name, and is none of a function. */
export function isWithoutPartition(error: unknown): boolean {
  const { code, constraint, where } = errorFields(error);
  return code === '23514' && (constraint ?? '') === '' && functionIn(where) === null;
}

function errorFields(error: unknown): ErrorFields {
  if (typeof error !== 'object' || error === null) return { message: String(error) };
  const record = error as Record<string, unknown>;
  const fields: ErrorFields = { message: typeof record.message === 'string' ? record.message : '' };
  for (const name of FIELDS) {
    const value = record[name];
    if (typeof value === 'string') fields[name] = value;
  }
  // `Promise.any` style errors of a host with several addresses carry their reasons inside.
  if (fields.message === '' && Array.isArray(record.errors))
    fields.message = record.errors.map((inner) => errorFields(inner).message).join('; ');
  return fields;
}

/** Messages of data errors quote the value, in the marks of their language; those that functions raise may say anything. */
function safeMessage(state: string, message: string, isRaised: boolean): string {
  if (state.startsWith('P0')) return 'a trigger or function raised an exception';
  if (state.startsWith('22') || (state === '42601' && isRaised))
    return message
      .replaceAll(/["'«»„“”‚‘’「『][^]*["'«»„“”‚‘’」』]/g, '"…"')
      .replace(/[:：] .*$/s, '');
  return message;
}

/** Keeps the stack of the cause without the fields that may hold row values. */
function withoutRows(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  const { code, where } = errorFields(error);
  const kept = new Error(safeMessage(code ?? '', error.message, functionIn(where) !== null));
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
