import type { ErrorCode } from '../../../../shared/errors/codes.ts';
import { isAbort, toWeirError, WeirError } from '../../../../shared/errors/weir-error.ts';

/** An error packet: `ff`, u16 number, `#` and five characters of SQLSTATE, message. */
export class ServerError extends Error {
  readonly number: number;
  readonly sqlState: string;

  constructor(number: number, sqlState: string, message: string) {
    super(message);
    this.number = number;
    this.sqlState = sqlState;
  }

  static parse(bytes: Buffer, from: number, to: number): ServerError {
    const hasState = bytes[from + 3] === 0x23;
    return new ServerError(
      bytes.readUInt16LE(from + 1),
      hasState ? bytes.toString('latin1', from + 4, from + 9) : 'HY000',
      bytes.toString('utf8', from + (hasState ? 9 : 3), to),
    );
  }
}

const CODES: readonly (readonly [ErrorCode, readonly number[]])[] = [
  // Also: no rights to a table, a column, a routine; a host that is not let in; a plugin that is not known.
  ['ACCESS_DENIED', [1044, 1045, 1130, 1142, 1143, 1227, 1251, 1370, 1410, 1524, 1698, 1873, 3118]],
  // Too many connections, a host that failed too often, shutting down, a connection or statement that was killed, idle for
  // too long, a read-only server that is being switched over.
  ['UNREACHABLE', [1040, 1053, 1077, 1079, 1129, 1152, 1184, 1203, 1226, 1317, 1927, 3032, 4031]],
  // A lock that did not come, a deadlock.
  ['UNREACHABLE', [1205, 1213]],
  ['COPY_INTERRUPTED', [1412]],
  ['POSITION_LOST', [1236]],
  ['ROW_TOO_LARGE', [1153]],
  ['NOT_FOUND', [1049]],
  ['CONFIG_INVALID', [3159]],
];
/** What a server says of a statement that it cannot even read: ours are all written by us. */
const SYNTAX = 1064;
/** Messages that quote a value and whose SQLSTATE does not say so. */
const QUOTING = new Set([1292, 1366, 1411, 1525, 3140, 3141, 4025]);

/**
 * Turns what the driver, a socket or the server said into the house's error. `doing` says what was being tried and where.
 * Messages about data lose what they quote, which may be values of rows.
 */
export function toMysqlError(error: unknown, doing: string): WeirError {
  if (error instanceof WeirError) return error;
  if (isAbort(error)) return toWeirError(error);
  const server = serverError(error);
  const failed = `${doing.charAt(0).toUpperCase()}${doing.slice(1)} failed`;
  if (server !== null) {
    const { number, sqlState } = server;
    const message = safeMessage(server);
    return new WeirError(
      codeOf(number),
      `${failed}: ${message.replace(/\.\s*$/, '')} [${number}].`,
      { cause: new Error(message), details: { number, sqlState } },
    );
  }
  const { code = '', message } = fieldsOf(error);
  if (code === 'AUTH_SWITCH_PLUGIN_ERROR' || code === 'MYSQL_CLEAR_PASSWORD_NOT_ENABLED')
    return new WeirError('ACCESS_DENIED', `${failed}: ${message.replace(/\.$/, '')}.`);
  if (/unknown plugin/i.test(message))
    return new WeirError(
      'ACCESS_DENIED',
      `${failed}: the server asks to be signed in to in a way that is not known here (${/plugin (\w+)/i.exec(message)?.[1] ?? 'unknown'}); give the user a password with caching_sha2_password or mysql_native_password.`,
    );
  if (isLoss(code, message))
    return new WeirError('UNREACHABLE', `${failed}: ${lossMessage(code, message)}.`, {
      cause: error,
    });
  return new WeirError('INTERNAL', `${failed}: ${message}`, { cause: error });
}

function codeOf(number: number): ErrorCode {
  if (number === SYNTAX) return 'INTERNAL';
  return CODES.find(([, numbers]) => numbers.includes(number))?.[0] ?? 'STATEMENT_REFUSED';
}

/** Also as the driver makes it of an error packet during the handshake. */
function serverError(error: unknown): ServerError | null {
  if (error instanceof ServerError) return error;
  const { errno, sqlState, sqlMessage } = fieldsOf(error);
  if (typeof errno !== 'number' || errno <= 0 || sqlMessage === undefined) return null;
  return new ServerError(errno, sqlState ?? 'HY000', sqlMessage);
}

interface Fields {
  message: string;
  code?: string;
  errno?: number;
  sqlState?: string;
  sqlMessage?: string;
}

function fieldsOf(error: unknown): Fields {
  if (!(error instanceof Error)) return { message: String(error) };
  const found = error as Error & Partial<Fields> & { errors?: unknown[] };
  // A host with several addresses: the reasons are inside.
  if (found.message === '' && Array.isArray(found.errors) && found.errors.length > 0)
    return fieldsOf(found.errors[0]);
  return found;
}

function safeMessage({ number, sqlState, message }: ServerError): string {
  if (!/^2[23]/.test(sqlState) && !QUOTING.has(number)) return message;
  return message.replaceAll(/'(?:[^']|'(?=[^\s.,:;)]))*'/g, "'…'");
}

const LOSS_CODES = new Set([
  ...['PROTOCOL_CONNECTION_LOST', 'ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE'],
  ...['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'ENOTFOUND'],
  ...['EAI_AGAIN', 'ENOENT', 'ERR_STREAM_DESTROYED', 'PROTOCOL_UNEXPECTED_PACKET'],
]);

function isLoss(code: string, message: string): boolean {
  return LOSS_CODES.has(code) || /closed state|connection lost|out of order/i.test(message);
}

function lossMessage(code: string, message: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'nothing listens there (connection refused); start the server or correct the address';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name could not be found; correct the address';
    case 'ENOENT':
      return 'there is no such socket; start the server or correct the path';
    case 'ETIMEDOUT':
      return 'it did not answer in time; correct the address, or let this machine through to it';
    default:
      return message === '' ? 'the connection was lost' : message.replace(/\.$/, '');
  }
}
