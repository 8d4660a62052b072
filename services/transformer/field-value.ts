import { type ColumnType, logicalOf } from '../../shared/change/column-type.ts';
import { columnText } from '../../shared/document/column-text.ts';
import { fieldTypeOf } from '../../shared/document/field-type.ts';
import { unknownKind } from '../../shared/schema/logical-type.ts';
import { BSON_TYPE, ofText, readValue, sliceOf, textAs, writeValue } from './bson-value.ts';

/**
 * A value as expressions and modules see it; of a row numbers of any precision, times and all other types are text. Of a
 * document there are instants, bytes, lists and maps, too.
 */
export type FieldValue =
  | boolean
  | bigint
  | number
  | string
  | null
  | Date
  | Uint8Array
  | FieldValue[]
  | { [name: string]: FieldValue };

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
    case 'boolean': {
      const read = columnText(fieldTypeOf({ type: 'boolean' }), text);
      return read === null ? text : read === 't';
    }
    case 'integer':
      return /^-?\d+$/.test(text) ? BigInt(text) : text;
    case 'double':
      return toDouble(text);
    case 'text':
      return text;
  }
}

/** The value of a field of a document, which is to be of that column type. */
export function fromFieldValueAs(value: unknown, column: ColumnType): Buffer | null | 'unfit' {
  const { type } = column;
  const text = fromFieldValue(value, column);
  return text === 'unfit' || text === null || type === BSON_TYPE ? text : textAs(text, type);
}

/** Text as a value of a field that has been made text. */
export function fromText(text: string, type: string): Buffer {
  return type === BSON_TYPE ? ofText(text) : Buffer.from(text);
}

/** The text of a value in a column of that type, or BSON; null is NULL. */
export function fromFieldValue(value: unknown, column: ColumnType): Buffer | null | 'unfit' {
  if (value === null || value === undefined) return null;
  if (column.type === BSON_TYPE) return writeValue(value);
  const kind = kindOf(column);
  switch (typeof value) {
    case 'boolean':
      return kind === 'boolean' || kind === 'text' ? Buffer.from(String(value)) : 'unfit';
    case 'bigint':
      return kind === 'boolean' ? 'unfit' : Buffer.from(String(value));
    case 'number':
      if (kind === 'boolean' || (kind === 'integer' && !Number.isInteger(value))) return 'unfit';
      return Buffer.from(kind === 'integer' ? String(BigInt(value)) : doubleText(value));
    case 'string':
      return kind === 'text' || readsAs(value, kind) ? Buffer.from(value) : 'unfit';
    default:
      return 'unfit';
  }
}

/** Whether text is a value of that kind as standard SQL writes it. */
export function readsAs(text: string, kind: ValueKind): boolean {
  switch (kind) {
    case 'boolean':
      return /^(t|f|true|false)$/.test(text);
    case 'integer':
      return /^-?\d+$/.test(text);
    case 'double':
      return !Number.isNaN(toDouble(text)) || text === 'NaN';
    case 'text':
      return true;
  }
}

function toDouble(text: string): number {
  if (text === 'Infinity' || text === '-Infinity' || text === 'NaN') return Number(text);
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : NaN;
}

function doubleText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
