import type { BsonSlice } from './bson-slice.ts';
import { type ArrayTree, isArray, writeArray } from '../row/canonical/array-tree.ts';
import { refuse } from '../row/canonical/refusal.ts';
import { readElements } from './bson-reader.ts';
import { BSON, SUBTYPE_OLD_BINARY, SUBTYPE_UUID } from './bson-writer.ts';
import type { DocumentField } from './document-field.ts';
import { toExtendedJson } from './extended-json.ts';
import { toJson } from './json-text.ts';
import { type Codec } from '../row/canonical/codec.ts';
import { stringCodec } from '../row/canonical/string.ts';
import { Misfit } from './misfit.ts';
import { toNumberText, toWholeText } from './number-text.ts';

/**
 * The canonical text of a BSON value for a column: of what `toDocument` writes for it, and of whatever else becomes a
 * value of the column without losing anything. Null is NULL. Throws `Misfit` or `Refusal`.
 */
export function toFieldText(field: DocumentField, value: BsonSlice): Buffer | string | null {
  if (value.type === BSON.null || value.type === BSON.undefined) return null;
  if (!field.isArray) return toScalarText(field, value);
  // One whose bounds no list has.
  if (value.type === BSON.string) return field.whole.read(stringOf(value).toString('utf8'));
  if (value.type !== BSON.array) throw new Misfit();
  const tree = readTree(field, value);
  return isArray(tree) ? writeArray(tree) : refuse('its lists have different lengths');
}

function readTree(field: DocumentField, { bytes, from }: BsonSlice): ArrayTree {
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

function toScalarText(field: DocumentField, value: BsonSlice): Buffer | string {
  const { codec } = field;
  switch (field.kind) {
    case 'boolean':
      if (value.type === BSON.boolean) return toBooleanText(value);
      return canonical(codec, stringOf(value));
    case 'integer':
      return codec.read(toWholeText(value));
    case 'single':
    case 'double':
    case 'decimal':
    case 'number':
      return codec.read(toNumberText(value));
    case 'uuid':
      return value.type === BSON.binary ? toUuidText(value) : canonical(codec, stringOf(value));
    case 'binary':
      return value.type === BSON.binary ? toBytesText(value) : canonical(codec, stringOf(value));
    case 'json':
      return codec.read(
        value.type === BSON.string ? stringOf(value).toString('utf8') : toJson(value),
      );
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      if (value.type === BSON.date) return codec.read(toInstantText(value, field.kind));
      return canonical(codec, stringOf(value));
    case 'text':
      return canonical(codec, value.type === BSON.objectId ? hexOf(value) : stringOf(value));
    case 'time':
      return canonical(codec, stringOf(value));
    case 'objectId':
      return canonical(codec, value.type === BSON.objectId ? hexOf(value) : stringOf(value));
    case 'document':
      if (value.type !== BSON.document) throw new Misfit();
      return value.bytes.subarray(value.from, value.to);
    case 'bson':
      return toExtendedJson(value);
    case 'other':
      return toOtherText(value);
  }
}

/** The bytes themselves where they are it. */
function canonical(codec: Codec, text: Buffer): Buffer | string {
  return codec.isCanonical(text, 0, text.length) ? text : codec.read(text.toString('utf8'));
}

function stringOf({ type, bytes, from, to }: BsonSlice): Buffer {
  if (type !== BSON.string && type !== BSON.symbol) throw new Misfit();
  return bytes.subarray(from + 4, to - 1);
}

function hexOf({ bytes, from, to }: BsonSlice): Buffer {
  return Buffer.from(bytes.toString('hex', from, to));
}

function toBooleanText(value: BsonSlice): string {
  return value.bytes[value.from] === 0 ? 'f' : 't';
}

/** A type of a store's own: whatever is written as it would be there. */
function toOtherText(value: BsonSlice): Buffer | string {
  switch (value.type) {
    case BSON.boolean:
      return toBooleanText(value);
    case BSON.int32:
    case BSON.int64:
    case BSON.double:
    case BSON.decimal128:
      return toNumberText(value);
    default:
      return canonical(ANY_TEXT, stringOf(value));
  }
}

const ANY_TEXT = stringCodec({ length: null, fixed: false });

function toUuidText({ bytes, from, to }: BsonSlice): string {
  const subtype = bytes[from + 4];
  if (to - from - 5 !== 16 || (subtype !== SUBTYPE_UUID && subtype !== 0))
    refuse('it is not the 16 bytes of a UUID');
  const hex = bytes.toString('hex', from + 5, to);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function toBytesText({ bytes, from, to }: BsonSlice): string {
  // The old form has its length twice.
  const head = bytes[from + 4] === SUBTYPE_OLD_BINARY ? 9 : 5;
  return `\\x${bytes.toString('hex', from + head, to)}`;
}

const DAY_MS = 86_400_000;

/** Of milliseconds since 1970; years as SQL writes them, 0 being 1 BC. */
function toInstantText(
  { bytes, from }: BsonSlice,
  kind: 'date' | 'timestamp' | 'timestamptz',
): string {
  const ms = Number(bytes.readBigInt64LE(from));
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) refuse('it is beyond the days that databases count');
  if (kind === 'date' && ms % DAY_MS !== 0) refuse('it is an instant within a day, and no day');
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
