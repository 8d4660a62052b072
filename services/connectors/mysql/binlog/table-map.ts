import { lengthEncodedSize, readLengthEncoded } from '../connection/length-encoded.ts';

/** Codes of types as the log has them (`enum_field_types`). */
export const TYPE = {
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  longlong: 8,
  int24: 9,
  date: 10,
  year: 13,
  varchar: 15,
  bit: 16,
  timestamp: 17,
  datetime: 18,
  time: 19,
  vector: 242,
  json: 245,
  decimal: 246,
  enum: 247,
  set: 248,
  blob: 252,
  string: 254,
  geometry: 255,
} as const;

export interface MappedColumn {
  /** Of an enum or set its own, though the log says `string`. */
  type: number;
  /** Two bytes that say length or precision, by the type. */
  meta: number;
  /** Null where it is no number, or the server does not say. */
  isUnsigned: boolean | null;
  /** The number of the collation; null where it is no text, or the server does not say. */
  collation: number | null;
  name: string | null;
  /** Of an enum or set, in the bytes of its character set. */
  labels: readonly Buffer[] | null;
}

/** What the log says of a table before the rows of a statement. */
export interface TableMap {
  id: number;
  database: string;
  table: string;
  columns: readonly MappedColumn[];
  /** Places of the columns of the primary key; null where the server does not say, or there is none. */
  key: readonly number[] | null;
}

const META_SIZE: Readonly<Record<number, number>> = {
  [TYPE.float]: 1,
  [TYPE.double]: 1,
  [TYPE.blob]: 1,
  [TYPE.json]: 1,
  [TYPE.geometry]: 1,
  [TYPE.vector]: 1,
  [TYPE.timestamp]: 1,
  [TYPE.datetime]: 1,
  [TYPE.time]: 1,
  [TYPE.varchar]: 2,
  [TYPE.bit]: 2,
  [TYPE.decimal]: 2,
  [TYPE.string]: 2,
  [TYPE.enum]: 2,
  [TYPE.set]: 2,
  // Text that MariaDB compresses.
  140: 1,
  141: 2,
};
/** Of these nothing stands in the meta bytes; any other type is not known, so neither is what follows it. */
const WITHOUT_META = new Set<number>([
  ...[TYPE.tiny, TYPE.short, TYPE.long, TYPE.longlong, TYPE.int24, TYPE.date, TYPE.year],
  // The old forms of timestamp, time and datetime, null, the old form of date.
  ...[6, 7, 11, 12, 14],
]);
const NUMERIC = new Set<number>([
  ...[TYPE.tiny, TYPE.short, TYPE.long, TYPE.longlong, TYPE.int24],
  ...[TYPE.float, TYPE.double, TYPE.decimal, TYPE.year],
]);
/** What has a collation. Geometries and vectors are blobs underneath: one server counts the ones among them, one the others. */
const CHARACTER = {
  mariadb: new Set<number>([TYPE.string, TYPE.varchar, TYPE.blob, TYPE.geometry]),
  mysql: new Set<number>([TYPE.string, TYPE.varchar, TYPE.blob, TYPE.vector]),
};
const LABELLED = new Set<number>([TYPE.enum, TYPE.set]);

const FIELD = {
  signedness: 1,
  defaultCollation: 2,
  collations: 3,
  names: 4,
  setLabels: 5,
  enumLabels: 6,
  key: 8,
  keyWithPrefixes: 9,
  enumDefaultCollation: 10,
  enumCollations: 11,
} as const;

/** The body of a TABLE_MAP event, from behind the header to its end, without the checksum. Throws `RangeError` where it is none. */
export function parseTableMap(
  bytes: Buffer,
  from: number,
  to: number,
  flavour: 'mariadb' | 'mysql',
): TableMap {
  let at = from + 8;
  const text = (): string => {
    const length = bytes[at]!;
    const found = bytes.toString('utf8', at + 1, at + 1 + length);
    at += length + 2;
    return found;
  };
  const number = (): number => {
    const found = readLengthEncoded(bytes, at);
    at += lengthEncodedSize(bytes, at);
    return found;
  };
  const database = text();
  const table = text();
  const count = number();
  const types = bytes.subarray(at, at + count);
  at += count;
  const metaEnd = number() + at;
  const columns = [...types].map((type) => {
    const size = META_SIZE[type] ?? (WITHOUT_META.has(type) ? 0 : unknownType(type));
    const meta = size === 0 ? 0 : bytes.readUIntBE(at, size);
    at += size;
    return mappedColumn(type, meta);
  });
  if (at !== metaEnd) throw new RangeError('its types have other lengths than are known');
  at += (count + 7) >> 3;
  const map = { id: bytes.readUIntLE(from, 6), database, table, columns, key: null };
  return withMetadata(map, bytes, at, to, CHARACTER[flavour]);
}

function unknownType(type: number): never {
  throw new RangeError(`a column has the type ${type}, which is not known`);
}

function mappedColumn(type: number, meta: number): MappedColumn {
  const nothing = { isUnsigned: null, collation: null, name: null, labels: null };
  const real = meta >> 8;
  if (type === TYPE.string && LABELLED.has(real)) return { type: real, meta: meta & 0xff, ...nothing }; // prettier-ignore
  return { type, meta, ...nothing };
}

/** The fields behind the columns: type, length, value each. Those that are not known are about nothing that is read. */
function withMetadata(
  map: TableMap,
  bytes: Buffer,
  from: number,
  to: number,
  character: Set<number>,
): TableMap {
  const columns = map.columns.map((column) => ({ ...column }));
  const chosen = (types: Set<number>) => columns.filter(({ type }) => types.has(type));
  let key = map.key;
  for (let at = from; at < to;) {
    const field = bytes[at]!;
    const length = readLengthEncoded(bytes, at + 1);
    const start = at + 1 + lengthEncodedSize(bytes, at + 1);
    at = start + length;
    if (at > to) throw new RangeError('a field goes beyond its end');
    const value = bytes.subarray(start, at);
    switch (field) {
      case FIELD.signedness: {
        const numeric = chosen(NUMERIC);
        if (value.length !== (numeric.length + 7) >> 3)
          throw new RangeError('it says signs of another number of columns');
        numeric.forEach((column, place) => {
          column.isUnsigned = ((value[place >> 3]! >> (7 - (place & 7))) & 1) === 1;
        });
        break;
      }
      case FIELD.defaultCollation:
        setDefaultCollations(chosen(character), numbersIn(value));
        break;
      case FIELD.collations:
        setCollations(chosen(character), numbersIn(value));
        break;
      case FIELD.enumDefaultCollation:
        setDefaultCollations(chosen(LABELLED), numbersIn(value));
        break;
      case FIELD.enumCollations:
        setCollations(chosen(LABELLED), numbersIn(value));
        break;
      case FIELD.names:
        setEach(columns, textsIn(value), (column, name) => {
          column.name = name.toString('utf8');
        });
        break;
      case FIELD.setLabels:
      case FIELD.enumLabels: {
        const kind: number = field === FIELD.setLabels ? TYPE.set : TYPE.enum;
        setEach(chosen(new Set([kind])), labelsIn(value), (column, labels) => {
          column.labels = labels;
        });
        break;
      }
      case FIELD.key:
        key = numbersIn(value);
        break;
      case FIELD.keyWithPrefixes:
        key = numbersIn(value).filter((_, place) => place % 2 === 0);
        break;
    }
  }
  return { ...map, columns, key };
}

interface Collated {
  collation: number | null;
}

/** One for most, then pairs of place and another. */
function setDefaultCollations(columns: Collated[], numbers: number[]): void {
  for (const column of columns) column.collation = numbers[0] ?? null;
  for (let at = 1; at < numbers.length; at += 2) {
    const column = columns[numbers[at]!];
    if (column === undefined) throw new RangeError('it says a collation of a column too many');
    column.collation = numbers[at + 1]!;
  }
}

function setCollations(columns: Collated[], numbers: number[]): void {
  setEach(columns, numbers, (column, collation) => {
    column.collation = collation;
  });
}

function setEach<C, V>(columns: C[], values: V[], set: (column: C, value: V) => void): void {
  if (columns.length !== values.length)
    throw new RangeError(
      `it says something of ${values.length} columns where ${columns.length} can have it`,
    );
  columns.forEach((column, place) => set(column, values[place]!));
}

function numbersIn(value: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at < value.length; at += lengthEncodedSize(value, at))
    found.push(readLengthEncoded(value, at));
  return found;
}

function textsIn(value: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < value.length;) {
    const start = at + lengthEncodedSize(value, at);
    at = start + readLengthEncoded(value, at);
    found.push(value.subarray(start, at));
  }
  return found;
}

/** Of each column their number, then each of them. They are kept beyond the event. */
function labelsIn(value: Buffer): Buffer[][] {
  const found: Buffer[][] = [];
  for (let at = 0; at < value.length;) {
    const count = readLengthEncoded(value, at);
    at += lengthEncodedSize(value, at);
    const labels: Buffer[] = [];
    for (let left = count; left > 0; left--) {
      const start = at + lengthEncodedSize(value, at);
      at = start + readLengthEncoded(value, at);
      labels.push(Buffer.from(value.subarray(start, at)));
    }
    found.push(labels);
  }
  return found;
}
