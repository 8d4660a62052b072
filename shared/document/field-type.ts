import type { Column } from '../change/relation.ts';

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
 * `number`: a number of any length, as text. `decimal`: one of at most 34 digits. `other`: a type that SQL has no name
 * for, as text.
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
  | 'other';

/** Of BSON's decimal128. */
export const DECIMAL_DIGITS = 34;

const SIMPLE: Readonly<Record<string, FieldKind>> = {
  boolean: 'boolean',
  real: 'single',
  'double precision': 'double',
  text: 'text',
  'character varying': 'text',
  character: 'text',
  json: 'json',
  jsonb: 'json',
  uuid: 'uuid',
  bytea: 'binary',
  date: 'date',
  timestamp: 'timestamp',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamptz',
  time: 'time',
  'time without time zone': 'time',
  'time with time zone': 'time',
  interval: 'time',
};
const INTEGERS: Readonly<Record<string, number>> = { smallint: 16, integer: 32, bigint: 64 };

export function fieldTypeOf({ type }: Pick<Column, 'type'>): FieldType {
  if (!type.endsWith('[]')) return scalarType(type);
  const element = scalarType(type.slice(0, -2));
  // Of other types it is not known how their arrays are written.
  if (element.kind === 'other' || element.isArray) return scalar('other');
  return { ...element, isArray: true };
}

function scalarType(type: string): FieldType {
  const bits = INTEGERS[type];
  if (bits !== undefined) return { ...scalar('integer'), bits };
  if (type === 'numeric') return scalar('number');
  const numeric = /^numeric\((\d+)(?:,(-?\d+))?\)$/.exec(type);
  if (numeric !== null) {
    const scale = Number(numeric[2] ?? 0);
    const digits = Number(numeric[1]);
    const most = digits + Math.max(0, -scale);
    return { ...scalar(most <= DECIMAL_DIGITS ? 'decimal' : 'number'), digits, scale };
  }
  const plain = type.replace(/\(\d+\)/, '').trim();
  if (plain.startsWith('interval ')) return scalar('time');
  return scalar(SIMPLE[plain] ?? 'other');
}

function scalar(kind: FieldKind): FieldType {
  return { kind, isArray: false, bits: 0, digits: null, scale: null };
}
