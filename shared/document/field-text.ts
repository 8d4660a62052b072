import { columnText } from './column-text.ts';
import { type ArrayTree, toArrayText } from './array-text.ts';
import { readElements } from './bson-reader.ts';
import { BSON, SUBTYPE_UUID } from './bson-writer.ts';
import type { FieldType } from './field-type.ts';
import { toJson } from './json-text.ts';
import { Misfit } from './misfit.ts';
import { toDoubleText, toIntegerText, toNumberText, toSingleText } from './number-text.ts';

/** A BSON value in place. */
export interface BsonSlice {
  type: number;
  bytes: Buffer;
  from: number;
  to: number;
}

/**
 * The text of a BSON value for a column: of what `toDocument` writes for it, and of whatever else becomes a value of
 * the column without losing anything. Null is NULL. Throws `Misfit`.
 */
export function toFieldText(field: FieldType, value: BsonSlice): Buffer | string | null {
  if (value.type === BSON.null || value.type === BSON.undefined) return null;
  if (!field.isArray) return toScalarText(field, value);
  // One whose bounds no list has.
  if (value.type === BSON.string) return stringOf(value);
  if (value.type !== BSON.array) throw new Misfit('type');
  const text = toArrayText(readTree(field, value));
  if (text === null) throw new Misfit('value');
  return text;
}

function readTree(field: FieldType, { bytes, from }: BsonSlice): ArrayTree {
  const tree: ArrayTree = [];
  for (const element of readElements(bytes, from)) {
    const value = { ...element, bytes };
    if (element.type === BSON.array && field.kind !== 'json') tree.push(readTree(field, value));
    else {
      const text = element.type === BSON.null ? null : toScalarText(field, value);
      tree.push(text === null || typeof text === 'string' ? text : text.toString('utf8'));
    }
  }
  return tree;
}

function toScalarText(field: FieldType, value: BsonSlice): Buffer | string {
  switch (field.kind) {
    case 'boolean':
      return toBooleanText(value);
    case 'integer':
      return toIntegerText(value, field.bits);
    case 'single':
      return toSingleText(value);
    case 'double':
      return toDoubleText(value);
    case 'decimal':
    case 'number':
      return toNumberText(value, field.scale);
    case 'uuid':
      return toUuidText(value);
    case 'binary':
      return toBytesText(value);
    case 'json':
      return value.type === BSON.string ? stringOf(value) : toJson(value);
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return value.type === BSON.date ? toInstantText(value, field.kind) : stringOf(value);
    case 'text':
      return value.type === BSON.objectId ? hexOf(value) : stringOf(value);
    case 'time':
      return stringOf(value);
    case 'other':
      return toOtherText(value);
  }
}

/** The text of a string; a zero byte in it no text of SQL can hold. */
function stringOf({ type, bytes, from, to }: BsonSlice): Buffer {
  if (type !== BSON.string && type !== BSON.symbol) throw new Misfit('type');
  const text = bytes.subarray(from + 4, to - 1);
  if (text.includes(0)) throw new Misfit('value');
  return text;
}

function hexOf({ bytes, from, to }: BsonSlice): string {
  return bytes.toString('hex', from, to);
}

function toBooleanText(value: BsonSlice): string {
  if (value.type === BSON.boolean) return value.bytes[value.from] === 0 ? 'f' : 't';
  return readAs('boolean', value);
}

/** Of text: as the server reads it. */
function readAs(kind: 'boolean' | 'uuid', value: BsonSlice): string {
  const text = columnText({ ...NOTHING, kind }, stringOf(value).toString('utf8'));
  if (text === null) throw new Misfit('value');
  return text;
}

const NOTHING = { isArray: false, bits: 0, digits: null, scale: null };

/** A type of a store's own: whatever is written as it would be there. */
function toOtherText(value: BsonSlice): Buffer | string {
  switch (value.type) {
    case BSON.boolean:
      return toBooleanText(value);
    case BSON.int32:
    case BSON.int64:
    case BSON.double:
    case BSON.decimal128:
      return toNumberText(value, null);
    default:
      return stringOf(value);
  }
}

function toUuidText(value: BsonSlice): Buffer | string {
  if (value.type !== BSON.binary) return readAs('uuid', value);
  const { bytes, from, to } = value;
  const subtype = bytes[from + 4];
  if (to - from - 5 !== 16 || (subtype !== SUBTYPE_UUID && subtype !== 0))
    throw new Misfit('value');
  const hex = bytes.toString('hex', from + 5, to);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const SUBTYPE_OLD_BINARY = 2;

function toBytesText(value: BsonSlice): Buffer | string {
  const { type, bytes, from, to } = value;
  if (type === BSON.binary) {
    // The old form has its length twice.
    const head = bytes[from + 4] === SUBTYPE_OLD_BINARY ? 9 : 5;
    return `\\x${bytes.toString('hex', from + head, to)}`;
  }
  const text = stringOf(value);
  if (!/^\\x(?:[0-9a-fA-F]{2})*$/.test(text.toString('latin1'))) throw new Misfit('value');
  return text;
}

const DAY_MS = 86_400_000;

/** Of milliseconds since 1970; years as SQL writes them, 0 being 1 BC. */
function toInstantText(
  { bytes, from }: BsonSlice,
  kind: 'date' | 'timestamp' | 'timestamptz',
): string {
  const ms = Number(bytes.readBigInt64LE(from));
  const date = new Date(ms);
  if (Number.isNaN(date.getTime()) || (kind === 'date' && ms % DAY_MS !== 0))
    throw new Misfit('value');
  const year = date.getUTCFullYear();
  const two = (part: number): string => String(part).padStart(2, '0');
  const shown = String(year > 0 ? year : 1 - year).padStart(4, '0');
  const day = `${shown}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
  const millis = date.getUTCMilliseconds();
  const time = ` ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  const fraction = millis === 0 ? '' : `.${String(millis).padStart(3, '0').replace(/0+$/, '')}`;
  const zone = kind === 'timestamptz' ? '+00' : '';
  return `${day}${kind === 'date' ? '' : time + fraction + zone}${year > 0 ? '' : ' BC'}`;
}
