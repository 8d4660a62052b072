import { compileCodec } from '../../../../shared/row/canonical/compile-codec.ts';
import type { NativeColumn } from '../catalog/native-columns.ts';
import { type Charsets, textWriter } from '../values/charsets.ts';
import { parseLabels } from '../types/labels.ts';
import { toLogical } from '../types/to-logical.ts';
import { type MappedColumn, TYPE } from './table-map.ts';
import { TupleWriter } from '../values/tuple-writer.ts';
import type { ColumnReader } from '../values/column-reader.ts';
import { jsonText } from '../values/json-text.ts';
import {
  decimalReader,
  floatReader,
  integerReader,
  longReader,
  yearReader,
} from '../values/numbers.ts';
import {
  type BytesWriter,
  writeBits,
  writeBytes,
  writeGeometry,
  writeVector,
} from '../values/raw-bytes.ts';
import { dateReader, datetimeReader, timeReader, timestampReader } from '../values/temporal.ts';
import { writeInet4, writeInet6, writeUuid } from '../values/mariadb-types.ts';

const INTEGERS: Readonly<Record<string, [code: number, size: 1 | 2 | 3 | 4 | 8]>> = {
  tinyint: [TYPE.tiny, 1],
  smallint: [TYPE.short, 2],
  mediumint: [TYPE.int24, 3],
  int: [TYPE.long, 4],
  bigint: [TYPE.longlong, 8],
};

/** What the log and the catalog say of a column does not belong together. */
export class ColumnMismatch extends Error {}
/** Its values are in a form that is not read. */
export class UnreadColumn extends Error {}

/** How the values of a column are read, where the log and the catalog say the same of it. Throws `ColumnMismatch` and `UnreadColumn`. */
export function columnReader(
  mapped: MappedColumn,
  { name, type: native }: NativeColumn,
  charsets: Charsets,
): ColumnReader {
  const same = (what: string, logged: unknown, known: unknown): void => {
    if (logged !== known) throw new ColumnMismatch(`${what} of ${name} is ${String(logged)} in the log and ${String(known)} in the catalog`); // prettier-ignore
  };
  const typed = (code: number): void => same('the type', mapped.type, code);
  same('the name', mapped.name, name);
  const integer = INTEGERS[native.name];
  if (integer !== undefined) {
    const [code, size] = integer;
    typed(code);
    const isUnsigned = / unsigned\b/.test(native.text);
    same('the sign', mapped.isUnsigned, isUnsigned);
    return size === 8 ? longReader(!isUnsigned) : integerReader(size, !isUnsigned);
  }
  const logical = toLogical(native);
  switch (native.name) {
    case 'year':
      typed(TYPE.year);
      return yearReader;
    case 'decimal':
      typed(TYPE.decimal);
      same('the precision', mapped.meta, (native.precision! << 8) | native.scale!);
      return decimalReader(native.precision!, native.scale!);
    case 'float':
      typed(TYPE.float);
      return floatReader(32);
    case 'double':
      typed(TYPE.double);
      return floatReader(64);
    case 'bit': {
      typed(TYPE.bit);
      const length = native.precision!;
      same('the length', mapped.meta, ((length % 8) << 8) | (length >> 3));
      return fixedReader((length + 7) >> 3, writeBits(length));
    }
    case 'date':
      typed(TYPE.date);
      return dateReader;
    case 'time':
      typed(TYPE.time);
      same('the precision', mapped.meta, native.fraction ?? 0);
      return timeReader(mapped.meta);
    case 'datetime':
      typed(TYPE.datetime);
      same('the precision', mapped.meta, native.fraction ?? 0);
      return datetimeReader(mapped.meta);
    case 'timestamp':
      typed(TYPE.timestamp);
      same('the precision', mapped.meta, native.fraction ?? 0);
      return timestampReader(mapped.meta);
    case 'char':
    case 'varchar':
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext': {
      typed({ char: TYPE.string, varchar: TYPE.varchar }[native.name as string] ?? TYPE.blob);
      const charset = charsetOf(mapped, charsets);
      same('the character set', charset, native.collation?.replace(/_.*/, '').replace(/^utf8$/, 'utf8mb3')); // prettier-ignore
      return lengthReader(prefixOf(mapped), writerOf(charset, charsets, name));
    }
    case 'binary':
      typed(TYPE.string);
      same('the length', maxLength(mapped), native.length);
      return lengthReader(prefixOf(mapped), writeBytes(native.length!));
    case 'varbinary':
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
      typed(native.name === 'varbinary' ? TYPE.varchar : TYPE.blob);
      same('the character set', charsetOf(mapped, charsets), 'binary');
      return lengthReader(prefixOf(mapped), writeBytes(0));
    case 'json': {
      typed(TYPE.json);
      const codec = compileCodec(logical);
      const write: BytesWriter = (bytes, from, to, out) =>
        out.text(codec.read(jsonText(bytes, from, to)));
      return lengthReader(mapped.meta, write);
    }
    case 'enum':
    case 'set':
      typed(native.name === 'enum' ? TYPE.enum : TYPE.set);
      same('the list of labels', listOf(labelsOf(mapped, charsets, name)), listOf(parseLabels(native.text))); // prettier-ignore
      return (native.name === 'enum' ? enumReader : setReader)(mapped.meta, labelsOf(mapped, charsets, name)); // prettier-ignore
    case 'uuid':
      typed(TYPE.string);
      return lengthReader(1, writeUuid);
    case 'inet4':
      typed(TYPE.string);
      return lengthReader(1, writeInet4);
    case 'inet6':
      typed(TYPE.string);
      return lengthReader(1, writeInet6);
    case 'vector':
      if (native.flavour === 'mariadb') throw new UnreadColumn(`${name} is a vector of MariaDB`);
      typed(TYPE.vector);
      return lengthReader(mapped.meta, writeVector);
    default:
      if (logical.kind !== 'geometry') throw new UnreadColumn(`${name} is of the type ${native.text}`); // prettier-ignore
      typed(TYPE.geometry);
      return lengthReader(mapped.meta, writeGeometry);
  }
}

function listOf(labels: readonly string[]): string {
  return labels.map((label) => `'${label}'`).join(', ');
}

function charsetOf({ collation }: MappedColumn, { byCollation }: Charsets): string | null {
  return collation === null ? null : (byCollation.get(collation) ?? null);
}

function writerOf(charset: string | null, charsets: Charsets, name: string): BytesWriter {
  try {
    return textWriter(charset ?? '', charsets);
  } catch (error) {
    if (error instanceof TypeError)
      throw new UnreadColumn(`${name} is in the character set ${charset}`);
    throw error;
  }
}

function labelsOf(mapped: MappedColumn, charsets: Charsets, name: string): string[] {
  const write = writerOf(charsetOf(mapped, charsets), charsets, name);
  const out = new TupleWriter();
  return (mapped.labels ?? []).map((label) => {
    out.clear();
    write(label, 0, label.length, out);
    return out.bytes.toString('utf8', 0, out.at);
  });
}

/** Of a `char` or `binary` in bytes: two bits of it are hidden, turned over, in the byte that says the type. */
function maxLength({ meta }: MappedColumn): number {
  return ((((meta >> 8) & 0x30) ^ 0x30) << 4) | (meta & 0xff);
}

/** How many bytes the length before a value has. */
function prefixOf(mapped: MappedColumn): number {
  if (mapped.type === TYPE.string) return maxLength(mapped) > 255 ? 2 : 1;
  if (mapped.type === TYPE.blob) return mapped.meta;
  // In the order of the log, which is little-endian.
  return (mapped.meta >> 8) + ((mapped.meta & 0xff) << 8) > 255 ? 2 : 1;
}

function lengthReader(prefix: number, write: BytesWriter): ColumnReader {
  return (bytes, at, out) => {
    const start = at + prefix;
    const end = start + bytes.readUIntLE(at, prefix);
    if (end > bytes.length) throw new RangeError('a value goes beyond the end of its event');
    write(bytes, start, end, out);
    return end;
  };
}

function fixedReader(size: number, write: BytesWriter): ColumnReader {
  return (bytes, at, out) => {
    write(bytes, at, at + size, out);
    return at + size;
  };
}

/** The place of the label, from 1 on; 0 is the text of no label that a server writes outside its strict mode. */
function enumReader(size: number, labels: readonly string[]): ColumnReader {
  const written = ['', ...labels].map((label) => Buffer.from(label));
  return (bytes, at, out) => {
    const label = written[bytes.readUIntLE(at, size)];
    if (label === undefined) throw new RangeError('an enum has a place behind its last label');
    out.copy(label, 0, label.length);
    return at + size;
  };
}

/** A bit for each label. */
function setReader(size: number, labels: readonly string[]): ColumnReader {
  const written = labels.map((label) => Buffer.from(label));
  return (bytes, at, out) => {
    let isFirst = true;
    for (let bit = 0; bit < 8 * size; bit++) {
      if (((bytes[at + (bit >> 3)]! >> (bit & 7)) & 1) === 0) continue;
      const label = written[bit];
      if (label === undefined) throw new RangeError('a set has a bit behind its last label');
      if (!isFirst) out.ascii(0x2c);
      out.copy(label, 0, label.length);
      isFirst = false;
    }
    return at + size;
  };
}
