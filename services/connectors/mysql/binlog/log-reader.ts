import { crc32, inflateSync } from 'node:zlib';
import { lengthEncodedSize, readLengthEncoded } from '../connection/length-encoded.ts';
import {
  ARTIFICIAL,
  type EventHeader,
  HEADER_SIZE,
  IGNORABLE,
  parseEventHeader,
} from './event-header.ts';
import * as EVENT from './event-type.ts';
import { logProblem } from './log-problem.ts';
import { parseTableMap, type TableMap } from './table-map.ts';

/** Rows of one table that were changed in one way. The bytes are those of the event, and may be kept. */
export interface RowsEvent {
  kind: 'rows';
  header: EventHeader;
  change: EVENT.RowChange;
  table: TableMap;
  /** A bit for each column, the lowest of the first byte first: whether it is in the images before, and after. */
  before: Buffer | null;
  after: Buffer | null;
  /** The images of the rows, one behind the other. */
  images: Buffer;
}

export type LogEvent =
  /** What follows is in another file; also the first event of all. */
  | { kind: 'file'; file: string; position: number }
  /** Nothing happened, up to there. */
  | { kind: 'idle'; file: string; position: number }
  /** A transaction begins, or a statement that is one of its own; `gtid` as the server writes it, null where it has none. */
  | { kind: 'transaction'; header: EventHeader; gtid: string | null }
  | { kind: 'statement'; header: EventHeader; database: string; sql: string }
  | { kind: 'commit'; header: EventHeader }
  | RowsEvent;

const CHECKSUM_SIZE = 4;
/** Of a file that is still written; the checksum is that without it. */
const IN_USE = 0x01;
const END_OF_STATEMENT = 0x01;
const TABLE_MAP_HEADER = 8;

/**
 * Reads the events of a log in their order, from its first or from any that a dump begins with. Keeps what later events
 * need: the file, how events are checked, the tables of the statement. Whatever is not understood is an error, and nothing
 * may be read after it.
 */
export class LogReader {
  file = '';
  /** Of the event last read; 0 where the server did not say. */
  end = 0;
  #isChecked = false;
  #flavour: 'mariadb' | 'mysql' = 'mysql';
  readonly #tables = new Map<number, TableMap>();

  /** One event with its header. Null where it tells nothing of rows. */
  read(bytes: Buffer): LogEvent | null {
    if (bytes.length < HEADER_SIZE) throw this.#problem('an event is cut off');
    const header = parseEventHeader(bytes, 0);
    if (header.size !== bytes.length) throw this.#problem('an event has another length than it says'); // prettier-ignore
    if (header.end !== 0) this.end = header.end;
    const to = this.#checked(header, bytes);
    try {
      return this.#readBody(header, bytes, to);
    } catch (error) {
      if (error instanceof RangeError)
        throw this.#problem(`an event of type ${header.type} cannot be read (${error.message})`);
      throw error;
    }
  }

  #readBody(header: EventHeader, bytes: Buffer, to: number): LogEvent | null {
    const { type } = header;
    const from = HEADER_SIZE;
    const rows = EVENT.ROWS_EVENTS.get(type);
    if (rows !== undefined) return this.#readRows(header, rows, bytes, to);
    switch (type) {
      case EVENT.TABLE_MAP: {
        const table = parseTableMap(bytes, from, to, this.#flavour);
        this.#tables.set(table.id, table);
        return null;
      }
      case EVENT.XID:
        return { kind: 'commit', header };
      case EVENT.GTID:
        return { kind: 'transaction', header, gtid: mysqlGtid(bytes, from) };
      case EVENT.ANONYMOUS_GTID:
        return { kind: 'transaction', header, gtid: null };
      case EVENT.MARIADB_GTID:
        return { kind: 'transaction', header, gtid: mariadbGtid(header, bytes, from) };
      case EVENT.QUERY:
      case EVENT.MARIADB_QUERY_COMPRESSED:
        return readStatement(header, bytes, to);
      case EVENT.ROTATE:
        this.file = bytes.toString('utf8', from + 8, to);
        this.#tables.clear();
        return { kind: 'file', file: this.file, position: Number(bytes.readBigUInt64LE(from)) };
      case EVENT.HEARTBEAT:
        return { kind: 'idle', file: bytes.toString('utf8', from, to), position: header.end };
      case EVENT.FORMAT_DESCRIPTION:
        this.#readFormat(bytes, to);
        return null;
      default: {
        const problem = EVENT.NOT_READ.get(type);
        if (problem !== undefined) throw this.#problem(problem);
        if (EVENT.PASSED_OVER.has(type) || (header.flags & IGNORABLE) !== 0) return null;
        throw this.#problem(`there is an event of type ${type}, which is not known`);
      }
    }
  }

  /** Where the event ends without its checksum. */
  #checked({ type, flags }: EventHeader, bytes: Buffer): number {
    // Readers say that they know checksums, so that an event made for them has one, whatever the file has.
    const isMade = type === EVENT.ROTATE && (flags & ARTIFICIAL) !== 0;
    const to = bytes.length - CHECKSUM_SIZE;
    if (type === EVENT.FORMAT_DESCRIPTION) this.#isChecked = bytes[to - 1] === 1;
    else if (!isMade && !this.#isChecked) return bytes.length;
    if (type === EVENT.FORMAT_DESCRIPTION && !this.#isChecked) return to;
    const isSame = (sum: number): boolean => sum === bytes.readUInt32LE(to);
    if (isSame(crc32(bytes.subarray(0, to)))) return to;
    if ((flags & IN_USE) !== 0) {
      const closed = Buffer.from(bytes.subarray(0, to));
      closed.writeUInt16LE(flags & ~IN_USE, HEADER_SIZE - 2);
      if (isSame(crc32(closed))) return to;
    }
    throw this.#problem('an event does not have the checksum that it says, so bytes of it were changed'); // prettier-ignore
  }

  #readFormat(bytes: Buffer, to: number): void {
    const at = HEADER_SIZE;
    const version = bytes.readUInt16LE(at);
    const headerSize = bytes[at + 56];
    this.#flavour = /mariadb/i.test(bytes.toString('latin1', at + 2, at + 52))
      ? 'mariadb'
      : 'mysql';
    if (version !== 4 || headerSize !== HEADER_SIZE)
      throw this.#problem(`it is of version ${version}, which is not known`);
    const algorithm = bytes[to - 1]!;
    if (algorithm > 1) throw this.#problem(`its checksums are of a kind (${algorithm}) that is not known`); // prettier-ignore
    const lengthOf = (type: number): number => bytes[at + 56 + type]!;
    // A server that does not write events of a kind says 0 of them.
    const has = (type: number, length: number): boolean => [length, 0].includes(lengthOf(type));
    if (lengthOf(EVENT.TABLE_MAP) !== TABLE_MAP_HEADER || !has(23, 8) || !has(30, 10))
      throw this.#problem('its events have heads of other lengths than are known');
    this.#tables.clear();
  }

  #readRows(
    header: EventHeader,
    { change, version, isCompressed }: EVENT.RowsEventType,
    bytes: Buffer,
    to: number,
  ): LogEvent | null {
    const id = bytes.readUIntLE(HEADER_SIZE, 6);
    const isEnd = (bytes.readUInt16LE(HEADER_SIZE + 6) & END_OF_STATEMENT) !== 0;
    let at = HEADER_SIZE + 8;
    if (version === 2) at += bytes.readUInt16LE(at);
    const count = readLengthEncoded(bytes, at);
    at += lengthEncodedSize(bytes, at);
    const table = this.#tables.get(id);
    if (isEnd) this.#tables.clear();
    // The end of a statement alone, of a table that is none.
    if (table === undefined && count === 0) return null;
    if (table?.columns.length !== count)
      throw this.#problem(`rows of a table come (${id}) of which nothing was said before`);
    const width = (count + 7) >> 3;
    const bitmap = (): Buffer => bytes.subarray(at, (at += width));
    const before = change === 'insert' ? null : bitmap();
    const after = change === 'delete' ? null : bitmap();
    const images = isCompressed ? inflated(bytes, at, to) : bytes.subarray(at, to);
    return { kind: 'rows', header, change, table, before, after, images };
  }

  #problem(what: string) {
    return logProblem(`${this.file}:${this.end}`, what);
  }
}

/** How MariaDB compresses: a byte with the way in its bits 4 to 6 and the length's length in its lowest, the length, zlib. */
function inflated(bytes: Buffer, from: number, to: number): Buffer {
  const head = bytes[from]!;
  const lengthSize = head & 0x07;
  if ((head & 0xf8) !== 0x80 || lengthSize < 1 || lengthSize > 4)
    throw new RangeError('it is compressed in a way that is not known');
  const length = bytes.readUIntBE(from + 1, lengthSize);
  const plain = inflateSync(bytes.subarray(from + 1 + lengthSize, to), { maxOutputLength: length });
  if (plain.length !== length) throw new RangeError('it is shorter than it says');
  return plain;
}

/** thread u32, seconds u32, length of the database's name u8, error u16, length of settings u16; settings; name, 0; SQL. */
function readStatement(header: EventHeader, bytes: Buffer, to: number): LogEvent {
  const from = HEADER_SIZE;
  const nameLength = bytes[from + 8]!;
  const at = from + 13 + bytes.readUInt16LE(from + 11);
  const database = bytes.toString('utf8', at, at + nameLength);
  const start = at + nameLength + 1;
  const isCompressed = header.type === EVENT.MARIADB_QUERY_COMPRESSED;
  const sql = isCompressed ? inflated(bytes, start, to) : bytes.subarray(start, to);
  return { kind: 'statement', header, database, sql: sql.toString('utf8') };
}

/** flags u8, 16 bytes of the server, number i64. */
function mysqlGtid(bytes: Buffer, at: number): string {
  const uuid = bytes
    .toString('hex', at + 1, at + 17)
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return `${uuid}:${bytes.readBigInt64LE(at + 17)}`;
}

const PREPARED_XA = 0x40;
const COMPLETED_XA = 0x80;

/** number u64, domain u32, flags u8. */
function mariadbGtid({ serverId }: EventHeader, bytes: Buffer, at: number): string {
  const flags = bytes[at + 12]!;
  if ((flags & (PREPARED_XA | COMPLETED_XA)) !== 0)
    throw new RangeError('a transaction was prepared by XA, which is not followed');
  return `${bytes.readUInt32LE(at + 8)}-${serverId}-${bytes.readBigUInt64LE(at)}`;
}
