import { Decimal128 } from 'bson';
import type { BsonValue } from '../../proto/gen/adiom/v1/adiom.ts';
import type { ColumnType } from '../change/column-type.ts';
import type { Column, Relation } from '../change/relation.ts';
import { columnOffsets, UNCHANGED_LENGTH } from '../change/tuple.ts';
import { WeirError } from '../errors/weir-error.ts';
import { type ArrayTree, parseArray } from '../row/canonical/array-tree.ts';
import { Refusal } from '../row/canonical/refusal.ts';
import { readElements } from './bson-reader.ts';
import { BSON, BsonWriter, SUBTYPE_UUID } from './bson-writer.ts';
import { DECIMAL_DIGITS } from './field-type.ts';
import { type DocumentField, documentField } from './document-field.ts';
import { fromExtendedJson } from './from-extended-json.ts';
import { shortDecimal } from './short-decimal.ts';

/**
 * Rows of text values (`data-type.ts`) as BSON documents. What BSON has a type for without losing anything becomes that,
 * by the column's type alone; all else stays the text that it is:
 *
 *     boolean            bool          double precision, real   double
 *     smallint, integer  int32         numeric(p,s), p to 34    decimal128, trailing zeros kept
 *     bigint             int64         other numeric            string
 *     bytea              binary        arrays of all these      array, nested where it has dimensions
 *     object id          objectId      document             document
 *     others of BSON     what they are, from Extended JSON
 *     uuid               binary (4)    everything else          string, among it json and all dates
 *
 * An array whose bounds do not begin at 1 is a string. NULL is null; an unchanged column is left out.
 *
 * A document has all columns under their names, and before them `_id`: the value of a key of one column, for several a
 * document of them in the order of the key.
 */
export function toDocument(relation: Relation, tuple: Buffer): Uint8Array {
  const layout = layoutOf(relation);
  const writer = scratch;
  writer.clear();
  const start = writer.begin();
  const count = tuple.readUInt16BE(0);
  const offsets = layout.offsets;
  let at = 2;
  for (let i = 0; i < count; i++) {
    offsets[i] = at;
    at += 4 + Math.max(0, tuple.readInt32BE(at));
  }
  let column = -1;
  try {
    if (!layout.hasOwnId) writeId(writer, relation, layout, tuple, (key) => offsets[key]!);
    for (column = 0; column < count; column++)
      writeField(writer, layout.fields[column]!, tuple, offsets[column]!);
  } catch (error) {
    throw error instanceof Refusal ? refused(relation, tuple, column, error) : error;
  }
  writer.end(start);
  if (writer.length > MAX_DOCUMENT_BYTES)
    throw new WeirError(
      'NOT_SUPPORTED',
      `a row of ${relation.namespace} is ${writer.length >> 20} MiB as a document, and messages hold ${MAX_DOCUMENT_BYTES >> 20} MiB; leave the namespace out, or its large column`,
    );
  return writer.copyFrom(start);
}

/** What every peer must be able to take (128 MiB) less room for what is around it. */
const MAX_DOCUMENT_BYTES = 120 << 20;

/** The `_id` alone of a key (`tuple.ts`: the key's columns with their lengths). */
export function toId(relation: Relation, key: Buffer): BsonValue {
  const layout = layoutOf(relation);
  const writer = scratch;
  writer.clear();
  let at = 0;
  const offsets = new Map<number, number>();
  for (const column of relation.key) {
    offsets.set(column, at);
    at += 4 + Math.max(0, key.readInt32BE(at));
  }
  const head = inKey(relation, () =>
    writeId(writer, relation, layout, key, (column) => offsets.get(column)!),
  );
  const data = writer.copyFrom(head + 1 + ID.length);
  return { type: writer.byteAt(head), data, name: '_id' };
}

/**
 * One value of a column alone, as a document has it: its BSON type, then its bytes. New bytes. Throws
 * `Refusal` where the text is none of the type, and where BSON cannot carry it.
 */
export function toBsonValue(column: ColumnType, text: Buffer): Buffer {
  const writer = scratch;
  writer.clear();
  const field = fieldOf({ ...column, name: '' }, NAMELESS);
  writeText(writer, field, text, 0, text.length);
  return Buffer.concat([writer.copyFrom(0).subarray(0, 1), writer.copyFrom(2)]);
}

function inKey<T>(relation: Relation, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Refusal ? refused(relation, null, -1, error) : error;
  }
}

/** Which value and which row; of the values only those of the key. `column`: -1 where it is in the key. */
function refused(
  relation: Relation,
  tuple: Buffer | null,
  column: number,
  { reason }: Refusal,
): WeirError {
  const { namespace, columns, key } = relation;
  const offsets = tuple === null ? [] : columnOffsets(tuple);
  const shown = key.map((place) => {
    const text = tuple?.toString('utf8', offsets[place]! + 4, offsets[place + 1]) ?? '…';
    return `${columns[place]!.name} = ${text.slice(0, 100)}`;
  });
  const { name, type } = columns[column] ?? { name: null, type: '' };
  const what =
    name === null
      ? 'a value of the key is none of its type'
      : `the value of ${name} is none of the type ${type}`;
  return new WeirError(
    'ROW_REFUSED',
    `${what} (${reason}), in the row of ${namespace} with ${shown.join(', ')}; correct it at the source, or its type`,
  );
}

const NAMELESS = Buffer.from('\0');

interface Field extends DocumentField {
  /** In UTF-8, with its zero byte. */
  name: Buffer;
  /** As people read it. */
  column: string;
}

interface Layout {
  fields: Field[];
  /** The only key column as `_id`; null where there are several. */
  id: Field | null;
  /** The one key column is called `_id`. */
  hasOwnId: boolean;
  offsets: number[];
}

const ID = Buffer.from('_id\0');
const scratch = new BsonWriter();
const layouts = new WeakMap<Relation, Layout>();

function layoutOf(relation: Relation): Layout {
  let layout = layouts.get(relation);
  if (layout !== undefined) return layout;
  const { namespace, columns, key } = relation;
  if (key.length === 0)
    throw new WeirError(
      'NOT_SUPPORTED',
      `the rows of ${namespace} have no key, and a document needs an _id; leave it out`,
    );
  const hasOwnId = key.length === 1 && columns[key[0]!]!.name === '_id';
  if (!hasOwnId && columns.some(({ name }) => name === '_id'))
    throw new WeirError(
      'NOT_SUPPORTED',
      `${namespace} has a column _id that is not its key, and a document has only one _id; rename the column, or leave the namespace out`,
    );
  const fields = columns.map((column) => fieldOf(column, Buffer.from(`${column.name}\0`)));
  const id = key.length === 1 ? { ...fields[key[0]!]!, name: ID } : null;
  layout = { fields, id, hasOwnId, offsets: new Array<number>(columns.length) };
  layouts.set(relation, layout);
  return layout;
}

function fieldOf(column: Omit<Column, 'encoding'>, name: Buffer): Field {
  return { ...documentField(column), name, column: column.name };
}

/** Returns where its type stands. */
function writeId(
  writer: BsonWriter,
  { key }: Relation,
  { fields, id }: Layout,
  bytes: Buffer,
  offsetOf: (column: number) => number,
): number {
  if (id !== null) return writeField(writer, id, bytes, offsetOf(key[0]!));
  const head = writer.head(BSON.document, ID);
  const start = writer.begin();
  for (const column of key) writeField(writer, fields[column]!, bytes, offsetOf(column));
  writer.end(start);
  return head;
}

function writeField(writer: BsonWriter, field: Field, bytes: Buffer, at: number): number {
  const length = bytes.readInt32BE(at);
  if (length === UNCHANGED_LENGTH) return writer.length;
  if (length < 0) return writer.head(BSON.null, field.name);
  return writeText(writer, field, bytes, at + 4, at + 4 + length);
}

function writeText(
  writer: BsonWriter,
  field: Field,
  bytes: Buffer,
  from: number,
  to: number,
): number {
  if (!field.isArray) return writeValue(writer, field, field.name, bytes, from, to);
  const { tree, bounds } = parseArray(bytes.toString('utf8', from, to));
  if (bounds === '') return writeArray(writer, field, field.name, tree);
  requireElements(field, tree);
  const head = writer.head(BSON.string, field.name);
  writer.string(bytes, from, to);
  return head;
}

function requireElements(field: Field, tree: ArrayTree): void {
  for (const item of tree)
    if (Array.isArray(item)) requireElements(field, item);
    else if (item !== null) field.inner.read(item);
}

function writeArray(writer: BsonWriter, field: Field, name: Buffer, tree: ArrayTree): number {
  const head = writer.head(BSON.array, name);
  const start = writer.begin();
  tree.forEach((item, i) => {
    const index = Buffer.from(`${i}\0`);
    if (item === null) writer.head(BSON.null, index);
    else if (Array.isArray(item)) writeArray(writer, field, index, item);
    else {
      const text = Buffer.from(item);
      writeValue(writer, field, index, text, 0, text.length);
    }
  });
  writer.end(start);
  return head;
}

/** Throws `Refusal` where the text is no value of the column's type. */
function writeValue(
  writer: BsonWriter,
  field: Field,
  name: Buffer,
  bytes: Buffer,
  from: number,
  to: number,
): number {
  if (field.inner.isCanonical(bytes, from, to))
    return writePlain(writer, field, name, bytes, from, to);
  const plain = Buffer.from(field.inner.read(bytes.toString('utf8', from, to)));
  return writePlain(writer, field, name, plain, 0, plain.length);
}

function writePlain(
  writer: BsonWriter,
  field: Field,
  name: Buffer,
  bytes: Buffer,
  from: number,
  to: number,
): number {
  let head: number;
  switch (field.kind) {
    case 'boolean':
      head = writer.head(BSON.boolean, name);
      writer.byte(bytes[from] === 0x74 ? 1 : 0);
      return head;
    case 'integer':
      head = writer.head(field.bits === 64 ? BSON.int64 : BSON.int32, name);
      if (field.bits !== 64) writer.int32(readInteger(bytes, from, to));
      else if (to - from <= EXACT_DIGITS) writer.int64Of(readInteger(bytes, from, to));
      else writer.int64(BigInt(bytes.toString('latin1', from, to)));
      return head;
    case 'single':
    case 'double':
      head = writer.head(BSON.double, name);
      writer.double(Number(bytes.toString('latin1', from, to)));
      return head;
    case 'decimal':
      head = writer.head(BSON.decimal128, name);
      writer.raw(
        shortDecimal(bytes, from, to) ?? toDecimal(field, bytes.toString('latin1', from, to)).bytes,
      );
      return head;
    case 'uuid':
      head = writer.head(BSON.binary, name);
      writeUuid(writer, bytes.toString('latin1', from, to));
      return head;
    case 'binary':
      head = writer.head(BSON.binary, name);
      writer.binaryOfHex(0, bytes, from + 2, to);
      return head;
    case 'objectId':
      head = writer.head(BSON.objectId, name);
      writer.raw(Buffer.from(bytes.toString('latin1', from, to), 'hex'));
      return head;
    case 'document':
      head = writer.head(BSON.document, name);
      writer.raw(bytes.subarray(from, to));
      return head;
    case 'bson':
      return writeAny(writer, name, bytes.toString('utf8', from, to));
    case 'number':
    case 'text':
    case 'json':
    case 'date':
    case 'timestamp':
    case 'timestamptz':
    case 'time':
    case 'other':
      head = writer.head(BSON.string, name);
      writer.string(bytes, from, to);
      return head;
  }
}

/** Whatever BSON has for it. */
function writeAny(writer: BsonWriter, name: Buffer, text: string): number {
  const alone = fromExtendedJson(`{"v":${text}}`);
  const [value] = readElements(alone);
  const head = writer.head(value!.type, name);
  writer.raw(alone.subarray(value!.from, value!.to));
  return head;
}

/** So long a number is exact with its sign. */
const EXACT_DIGITS = 15;
const MINUS = 0x2d;

function readInteger(bytes: Buffer, from: number, to: number): number {
  const isNegative = bytes[from] === MINUS;
  let value = 0;
  for (let at = isNegative ? from + 1 : from; at < to; at++) value = value * 10 + bytes[at]! - 0x30;
  return isNegative ? 0 - value : value;
}

function writeUuid(writer: BsonWriter, text: string): void {
  const hex = Buffer.from(text.replaceAll('-', ''), 'latin1');
  writer.binaryOfHex(SUBTYPE_UUID, hex, 0, hex.length);
}

function toDecimal({ column }: Field, text: string): Decimal128 {
  try {
    return Decimal128.fromString(text);
  } catch (error) {
    throw new WeirError(
      'NOT_SUPPORTED',
      `a number in the column ${column} has more than the ${DECIMAL_DIGITS} digits that BSON can carry; leave the namespace out`,
      { cause: error },
    );
  }
}
