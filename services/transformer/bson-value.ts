import { BSON as library, Decimal128, Double } from 'bson';
import { BsonError, readElements } from '../../shared/document/bson-reader.ts';
import { BSON, SUBTYPE_UUID } from '../../shared/document/bson-writer.ts';
import { toFieldText } from '../../shared/document/field-text.ts';
import type { BsonSlice } from '../../shared/document/bson-slice.ts';
import { documentField } from '../../shared/document/document-field.ts';
import { toJson } from '../../shared/document/json-text.ts';
import { Misfit } from '../../shared/document/misfit.ts';
import { toBsonValue } from '../../shared/document/to-document.ts';
import { Refusal } from '../../shared/row/canonical/refusal.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { FieldValue } from './expression-value.ts';

/** The type of every field of a document: a value says itself what it is, by its BSON type, which stands before it. */
export const BSON_TYPE = 'bson';

/** A view where it can be; null of BSON's null. */
export function toValue(type: number, data: Uint8Array): Buffer | null {
  return type === BSON.null ? null : Buffer.concat([Buffer.from([type]), data]);
}

export function sliceOf(value: Buffer): BsonSlice {
  return { type: value[0]!, bytes: value, from: 1, to: value.length };
}

export function holdsText(value: Buffer): boolean {
  return value[0] === BSON.string;
}

export function textIn(value: Buffer): string {
  return value.toString('utf8', 5, value.length - 1);
}

export function ofText(text: string | Buffer): Buffer {
  return toBsonValue({ type: 'text' }, Buffer.from(text as string));
}

/** What stands for the value where it is hashed: text alone for text, and never the same for values of two types. */
export function digested(value: Buffer): Buffer {
  if (holdsText(value)) return value.subarray(5, value.length - 1);
  // No text in UTF-8 begins like this.
  return Buffer.concat([Buffer.from([0xff]), value]);
}

/** A value as expressions see it; undefined where they know nothing of the kind. */
export function readValue({ type, bytes, from, to }: BsonSlice): FieldValue | undefined {
  switch (type) {
    case BSON.null:
    case BSON.undefined:
      return null;
    case BSON.boolean:
      return bytes[from] !== 0;
    case BSON.int32:
      return BigInt(bytes.readInt32LE(from));
    case BSON.int64:
      return bytes.readBigInt64LE(from);
    case BSON.double:
      return bytes.readDoubleLE(from);
    case BSON.decimal128:
      return new Decimal128(Uint8Array.from(bytes.subarray(from, to))).toString();
    case BSON.string:
    case BSON.symbol:
      return bytes.toString('utf8', from + 4, to - 1);
    case BSON.objectId:
      return bytes.toString('hex', from, to);
    case BSON.date:
      return new Date(Number(bytes.readBigInt64LE(from)));
    case BSON.binary:
      return Uint8Array.from(bytes.subarray(from + 5, to));
    case BSON.document:
    case BSON.array: {
      const fields = [...readElements(bytes, from)].map((each) => {
        return [each.name, readValue({ ...each, bytes })] as const;
      });
      if (fields.some(([, value]) => value === undefined)) return undefined;
      const known = fields as (readonly [string, FieldValue])[];
      return type === BSON.array ? known.map(([, value]) => value) : Object.fromEntries(known);
    }
    default:
      return undefined;
  }
}

const NOTHING_OF_BSON = new Refusal('documents have no values of the kind');

/** What an expression gave, as BSON: integers of 64 bits, doubles, text, instants, bytes, and lists and maps of these. */
export function writeValue(value: unknown): Buffer | null | Refusal {
  if (value === null || value === undefined) return null;
  const exact = toExact(value);
  if (exact === undefined) return NOTHING_OF_BSON;
  try {
    const document = library.serialize({ v: exact });
    return toValue(document[4]!, document.subarray(7, document.length - 1));
  } catch {
    return NOTHING_OF_BSON;
  }
}

function toExact(value: unknown): unknown {
  switch (typeof value) {
    case 'boolean':
    case 'string':
    case 'bigint':
      return value;
    case 'number':
      return new Double(value);
    case 'object':
      break;
    default:
      return undefined;
  }
  if (value === null || value instanceof Date) return value;
  if (value instanceof Uint8Array) return new library.Binary(value);
  if (Array.isArray(value)) return all(value.map(toExact)) ?? undefined;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  const isPlain = value instanceof Map || Object.getPrototypeOf(value) === Object.prototype;
  if (!isPlain || entries.some(([name]) => typeof name !== 'string')) return undefined;
  const values = all(entries.map(([, each]) => toExact(each)));
  return values && Object.fromEntries(entries.map(([name], i) => [name as string, values[i]]));
}

function all(values: unknown[]): unknown[] | undefined {
  return values.includes(undefined) ? undefined : values;
}

/** The value as one of a column type (docs: rows as documents), where nothing is lost by it. */
export function castValue(value: Buffer, type: string): Buffer | Refusal {
  const slice = sliceOf(value);
  const field = documentField({ type });
  try {
    if (!field.isArray && field.kind === 'text') return ofText(plainText(slice));
    if (!field.isArray && slice.type === BSON.boolean && NUMBERS.has(field.kind))
      return toBsonValue({ type }, Buffer.from(value[1] === 0 ? '0' : '1'));
    const isWhole = slice.type === BSON.int32 || slice.type === BSON.int64;
    if (field.kind === 'boolean' && isWhole && !field.isArray)
      return toBsonValue({ type }, Buffer.from(readValue(slice) === 0n ? 'f' : 't'));
    const text = toFieldText(field, slice);
    if (text === null) return new Refusal('it is null');
    return textAs(Buffer.from(text as string), type);
  } catch (error) {
    if (error instanceof Refusal) return error;
    if (error instanceof Misfit) return new Refusal('it is of another BSON type');
    if (error instanceof BsonError) return new Refusal('it is no BSON');
    throw error;
  }
}

const NUMBERS: ReadonlySet<string> = new Set(['integer', 'single', 'double', 'decimal', 'number']);

/** Text that a value of that type is written as. */
export function textAs(text: Buffer, type: string): Buffer | Refusal {
  try {
    return toBsonValue({ type }, text);
  } catch (error) {
    if (error instanceof Refusal) return error;
    if (error instanceof WeirError && error.code === 'NOT_SUPPORTED')
      return new Refusal(error.message);
    throw error;
  }
}

function plainText(slice: BsonSlice): string | Buffer {
  const { type, bytes, from } = slice;
  switch (type) {
    case BSON.int32:
    case BSON.int64:
    case BSON.double:
    case BSON.decimal128:
      return toFieldText(documentField({ type: 'numeric' }), slice)!;
    case BSON.boolean:
      return bytes[from] === 0 ? 'false' : 'true';
    case BSON.date:
      return toFieldText(documentField({ type: 'timestamp with time zone' }), slice)!;
    case BSON.binary: {
      const isUuid = bytes[from + 4] === SUBTYPE_UUID;
      return toFieldText(documentField({ type: isUuid ? 'uuid' : 'bytea' }), slice)!;
    }
    case BSON.document:
    case BSON.array:
      return toJson(slice);
    default:
      return toFieldText(documentField({ type: 'text' }), slice) ?? '';
  }
}
