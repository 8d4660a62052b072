import { isUtf8 } from 'node:buffer';
import { refuse } from '../../../../shared/row/canonical/refusal.ts';
import type { TupleWriter } from './tuple-writer.ts';
import type { BytesWriter } from './raw-bytes.ts';
import type { MysqlConnection } from '../connection/connection.ts';

/** How the text of each of a server's character sets becomes UTF-8. */
export interface Charsets {
  /** The names of the character sets, by the number of a collation. */
  byCollation: ReadonlyMap<number, string>;
  /** Of sets of one byte a character: the text of each byte, null where it has none. */
  tables: ReadonlyMap<string, readonly (string | null)[]>;
}

const INVALID = 'it has bytes that are no text in the character set of its column';

/**
 * Sets of one byte a character are asked from the server itself: what its `latin1` and others hold is nowhere else written
 * down as it is.
 */
export async function readCharsets(connection: MysqlConnection): Promise<Charsets> {
  const byCollation = await readCollations(connection);
  const single = await connection.query(
    'reading the character sets',
    "SELECT CHARACTER_SET_NAME FROM information_schema.CHARACTER_SETS WHERE MAXLEN = 1 AND CHARACTER_SET_NAME NOT IN ('binary', 'ascii')",
  );
  const tables = new Map<string, (string | null)[]>();
  for (const [name] of single) tables.set(name!, await readTable(connection, name!));
  return { byCollation, tables };
}

async function readCollations(connection: MysqlConnection): Promise<Map<number, string>> {
  // MariaDB has collations that belong to several sets, each with another number.
  const source =
    connection.version.flavour === 'mariadb' && connection.version.number >= 101_000
      ? 'SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY'
      : 'SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS';
  const rows = await connection.query('reading the collations', source);
  return new Map(rows.map(([id, name]) => [Number(id), sameName(name!)]));
}

function sameName(name: string): string {
  return name === 'utf8' ? 'utf8mb3' : name;
}

async function readTable(connection: MysqlConnection, name: string): Promise<(string | null)[]> {
  const all = Array.from({ length: 256 }, (_, byte) => byte);
  const literal = (byte: number): string => byte.toString(16).padStart(2, '0');
  const asked = all.map((byte) => `CONVERT(_${name} x'${literal(byte)}' USING utf8mb4)`);
  const [row] = await connection.query('reading a character set', `SELECT ${asked.join(', ')}`);
  // What a byte without a character becomes.
  return all.map((byte) => (row![byte] === '?' && byte !== 0x3f ? null : row![byte]!));
}

/** Throws `TypeError` where nothing is known of the set. */
export function textWriter(charset: string, { tables }: Charsets): BytesWriter {
  switch (charset) {
    case 'utf8mb4':
    case 'utf8mb3':
    case 'ascii':
      return writeUtf8;
    case 'ucs2':
    case 'utf16':
      return writeUtf16((bytes, at) => (bytes[at]! << 8) | bytes[at + 1]!);
    case 'utf16le':
      return writeUtf16((bytes, at) => bytes[at]! | (bytes[at + 1]! << 8));
    case 'utf32':
      return writeUtf32;
    default: {
      const table = tables.get(charset);
      if (table === undefined) throw new TypeError(`no such character set is read: ${charset}`);
      return writeSingle(table);
    }
  }
}

function writeUtf8(bytes: Buffer, from: number, to: number, out: TupleWriter): void {
  let at = from;
  while (at < to && bytes[at]! < 0x80) at++;
  if (at < to && !isUtf8(bytes.subarray(at, to))) refuse(INVALID);
  out.copy(bytes, from, to);
}

function writeUtf16(unitAt: (bytes: Buffer, at: number) => number): BytesWriter {
  return (bytes, from, to, out) => {
    if ((to - from) % 2 !== 0) refuse(INVALID);
    for (let at = from; at < to; at += 2) {
      const unit = unitAt(bytes, at);
      if (unit < 0xd800 || unit > 0xdfff) writeCode(unit, out);
      else {
        at += 2;
        const second = at < to ? unitAt(bytes, at) : 0;
        if (unit > 0xdbff || second < 0xdc00 || second > 0xdfff) refuse(INVALID);
        writeCode(0x1_0000 + ((unit - 0xd800) << 10) + (second - 0xdc00), out);
      }
    }
  };
}

function writeUtf32(bytes: Buffer, from: number, to: number, out: TupleWriter): void {
  if ((to - from) % 4 !== 0) refuse(INVALID);
  for (let at = from; at < to; at += 4) {
    const code = bytes.readUInt32BE(at);
    if (code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff)) refuse(INVALID);
    writeCode(code, out);
  }
}

function writeCode(code: number, out: TupleWriter): void {
  if (code < 0x80) out.ascii(code);
  else if (code < 0x800) {
    out.ascii(0xc0 | (code >> 6));
    out.ascii(0x80 | (code & 63));
  } else {
    if (code < 0x1_0000) out.ascii(0xe0 | (code >> 12));
    else {
      out.ascii(0xf0 | (code >> 18));
      out.ascii(0x80 | ((code >> 12) & 63));
    }
    out.ascii(0x80 | ((code >> 6) & 63));
    out.ascii(0x80 | (code & 63));
  }
}

function writeSingle(table: readonly (string | null)[]): BytesWriter {
  const characters = table.map((text) => (text === null ? null : Buffer.from(text)));
  return (bytes, from, to, out) => {
    for (let at = from; at < to; at++) {
      const character = characters[bytes[at]!] ?? refuse(INVALID);
      if (character.length === 1) out.ascii(character[0]!);
      else out.copy(character, 0, character.length);
    }
  };
}
