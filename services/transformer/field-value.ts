import { type ColumnType, logicalOf } from '../../shared/change/column-type.ts';
import { Refusal } from '../../shared/row/canonical/refusal.ts';
import { columnCodec } from '../../shared/row/canonical/column-codec.ts';
import { unknownKind } from '../../shared/schema/logical-type.ts';
import type { FieldValue } from './expression-value.ts';
import { BSON_TYPE, ofText, readValue, sliceOf, textAs, writeValue } from './bson-value.ts';

export type ValueKind = 'boolean' | 'integer' | 'double' | 'text';

/** What values of a column are in an expression. */
export function kindOf(column: ColumnType): ValueKind {
  const logical = logicalOf(column);
  switch (logical.kind) {
    case 'boolean':
    case 'integer':
      return logical.kind;
    case 'float':
      return 'double';
    case 'decimal':
    case 'string':
    case 'bytes':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'interval':
    case 'uuid':
    case 'json':
    case 'enum':
    case 'set':
    case 'bits':
    case 'array':
    case 'document':
    case 'objectId':
    case 'geometry':
    case 'vector':
    case 'other':
      return 'text';
    default:
      return unknownKind(logical);
  }
}

/**
 * Text is written by the store, so what does not read as its type is a fault of the source; it stays text. Undefined
 * where BSON has something that has no such form.
 */
export function toFieldValue(value: Buffer | null, column: ColumnType): FieldValue | undefined {
  if (value === null) return null;
  if (column.type === BSON_TYPE) return readValue(sliceOf(value));
  const text = value.toString('utf8');
  switch (kindOf(column)) {
    case 'boolean':
      return text === 't' || (text === 'f' ? false : text);
    case 'integer':
      return /^-?\d+$/.test(text) ? BigInt(text) : text;
    case 'double':
      return toDouble(text);
    case 'text':
      return text;
  }
}

/** The value of a field of a document, which is to be of that column type. */
export function fromFieldValueAs(value: unknown, column: ColumnType): Buffer | null | Refusal {
  const { type } = column;
  const text = fromFieldValue(value, column);
  return text instanceof Refusal || text === null || type === BSON_TYPE ? text : textAs(text, type);
}

/** Text as a value of a field that has been made text. */
export function fromText(text: string, type: string): Buffer {
  return type === BSON_TYPE ? ofText(text) : Buffer.from(text);
}

/** The canonical text of a value in a column of that type, or BSON; null is NULL. */
export function fromFieldValue(value: unknown, column: ColumnType): Buffer | null | Refusal {
  if (value === null || value === undefined) return null;
  if (column.type === BSON_TYPE) return writeValue(value);
  const kind = kindOf(column);
  switch (typeof value) {
    case 'boolean':
      if (kind !== 'boolean' && kind !== 'text') return new Refusal('it is true or false');
      return readAs(String(value), column);
    case 'bigint':
      if (kind === 'boolean') return new Refusal('it is a number');
      return readAs(String(value), column);
    case 'number':
      if (kind === 'boolean') return new Refusal('it is a number');
      return readAs(numberText(value, column), column);
    case 'string':
      return readAs(value, column);
    default:
      return new Refusal('columns have no values of the kind');
  }
}

/** Text as a value of that type. */
export function readAs(text: string, column: ColumnType): Buffer | Refusal {
  try {
    return Buffer.from(columnCodec(column).read(text));
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

function toDouble(text: string): number {
  if (text === 'Infinity' || text === '-Infinity' || text === 'NaN') return Number(text);
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : NaN;
}

/** A double that is to become a decimal of so many digits has no digits of its own, and is rounded to these. */
function numberText(value: number, column: ColumnType): string {
  const logical = logicalOf(column);
  if (logical.kind === 'integer' && Number.isInteger(value)) return String(BigInt(value));
  const scale = logical.kind === 'decimal' ? logical.scale : null;
  if (scale !== null && scale >= 0 && Math.abs(value) < 1e21) return value.toFixed(Math.min(scale, 100)); // prettier-ignore
  return Object.is(value, -0) ? '-0' : String(value);
}
