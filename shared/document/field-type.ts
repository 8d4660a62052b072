import { type ColumnType, logicalOf } from '../change/column-type.ts';
import { type LogicalType, unknownKind } from '../schema/logical-type.ts';

/**
 * What values of a column are in a document; follows from the column's type alone, so that a field always has the
 * same type. `text` is everything that has no better form, such as instants (BSON's date has no microseconds).
 */
export interface FieldType {
  kind: FieldKind;
  /** A BSON array of `kind`. */
  isArray: boolean;
  /** Of `integer`: 16, 32 or 64. */
  bits: number;
  /** Of `number` and `decimal`: digits in all; null where any number of them is kept. */
  digits: number | null;
  /** Of `number` and `decimal`: digits behind the point; null where any number of them is kept. */
  scale: number | null;
}

/**
 * `number`: a number of any length, as text. `decimal`: one of at most 34 digits. `bson`: any value of BSON, Extended JSON
 * in a row. `other`: a type that SQL has no name for, as text.
 */
export type FieldKind =
  | 'boolean'
  | 'integer'
  | 'single'
  | 'double'
  | 'decimal'
  | 'number'
  | 'text'
  | 'json'
  | 'uuid'
  | 'binary'
  | 'date'
  | 'timestamp'
  | 'timestamptz'
  | 'time'
  | 'objectId'
  | 'document'
  | 'bson'
  | 'other';

/** Whose types are those of BSON, as `other` names a store: any that keeps documents. */
export const BSON_FAMILY = 'bson';

const NOT_IN_ARRAYS: ReadonlySet<FieldKind> = new Set(['document', 'bson', 'other']);

/** Of BSON's decimal128. */
export const DECIMAL_DIGITS = 34;

/** Follows from the logical type alone; what documents have no better form for is text. */
export function fieldTypeOf(column: ColumnType): FieldType {
  return toFieldType(logicalOf(column));
}

function toFieldType(type: LogicalType): FieldType {
  switch (type.kind) {
    case 'boolean':
    case 'json':
    case 'uuid':
    case 'date':
      return scalar(type.kind);
    case 'integer':
      return integerType(type.bits, type.signed);
    case 'float':
      return scalar(type.bits === 32 ? 'single' : 'double');
    case 'decimal':
      return decimalType(type.precision, type.scale);
    case 'string':
      return scalar('text');
    case 'objectId':
    case 'document':
      return scalar(type.kind);
    case 'bytes':
      return scalar('binary');
    case 'timestamp':
      return scalar(type.zone ? 'timestamptz' : 'timestamp');
    case 'time':
    case 'interval':
      return scalar('time');
    case 'array': {
      const element = toFieldType(type.element);
      // Of other types it is not known how their arrays are written.
      return NOT_IN_ARRAYS.has(element.kind) || element.isArray
        ? scalar('other')
        : { ...element, isArray: true };
    }
    case 'enum':
    case 'set':
    case 'bits':
    case 'geometry':
    case 'vector':
      return scalar('other');
    case 'other':
      return scalar(type.store === BSON_FAMILY ? 'bson' : 'other');
    default:
      return unknownKind(type);
  }
}

function integerType(bits: number, signed: boolean): FieldType {
  const own = [16, 32, 64].find((each) => (signed ? bits : bits + 1) <= each);
  return own === undefined ? decimalType(20, 0) : { ...scalar('integer'), bits: own };
}

function decimalType(digits: number | null, scale: number | null): FieldType {
  if (digits === null || scale === null) return scalar('number');
  const most = digits + Math.max(0, -scale);
  return { ...scalar(most <= DECIMAL_DIGITS ? 'decimal' : 'number'), digits, scale };
}

function scalar(kind: FieldKind): FieldType {
  return { kind, isArray: false, bits: 0, digits: null, scale: null };
}
