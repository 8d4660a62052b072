import { stringify } from 'csv-stringify/sync';
import type { Relation } from '../../../shared/change/relation.ts';
import { columnOffsets, UNCHANGED_LENGTH } from '../../../shared/change/tuple.ts';
import { logicalOf } from '../../../shared/change/column-type.ts';
import { type FieldKind, fieldTypeOf } from '../../../shared/document/field-type.ts';

/** A value that was not sent because it did not change. */
export const UNCHANGED = Symbol('unchanged');

export type FieldText = string | null | typeof UNCHANGED;

/** The values of a tuple, in the order of its columns. */
export function readTuple(tuple: Buffer): FieldText[] {
  const offsets = columnOffsets(tuple);
  return offsets.slice(0, -1).map((at, i) => readField(tuple, at, offsets[i + 1]!));
}

/** The values of a key (`tuple.ts`), in its order. */
export function readKey(key: Buffer): FieldText[] {
  const values: FieldText[] = [];
  for (let at = 0; at < key.length;) {
    const end = at + 4 + Math.max(0, key.readInt32BE(at));
    values.push(readField(key, at, end));
    at = end;
  }
  return values;
}

function readField(bytes: Buffer, at: number, end: number): FieldText {
  const length = bytes.readInt32BE(at);
  if (length === UNCHANGED_LENGTH) return UNCHANGED;
  return length < 0 ? null : bytes.toString('utf8', at + 4, end);
}

/** Rows of a relation as what stands inside the braces of lines of JSON. */
export interface RowLines {
  row(tuple: Buffer): string;
  key(key: Buffer): string;
  /** Lines of a row that did not bring everything, with their `_op`. */
  partial(tuple: Buffer): string[];
}

/** Writes the fields of a relation as JSON; columns that are unchanged are left out. */
export class JsonRows implements RowLines {
  readonly #relation: Relation;
  readonly #kinds: FieldKind[];
  /** Whose objects and arrays are as good however they are written. */
  readonly #loose: boolean[];

  constructor(relation: Relation) {
    this.#relation = relation;
    this.#kinds = relation.columns.map((column) => {
      const { kind, isArray } = fieldTypeOf(column);
      return isArray ? 'other' : kind;
    });
    this.#loose = relation.columns.map((column) => {
      const logical = logicalOf(column);
      return logical.kind === 'json' && !logical.exact;
    });
  }

  /** `"id":1,"name":"x"`, without what is around it. */
  row(tuple: Buffer): string {
    const values = readTuple(tuple);
    return this.#fields(values.map((value, column) => [column, value]));
  }

  partial(tuple: Buffer): string[] {
    return [`"_op":"update",${this.row(tuple)}`];
  }

  key(key: Buffer): string {
    return this.#fields(readKey(key).map((value, i) => [this.#relation.key[i]!, value]));
  }

  #fields(values: [number, FieldText][]): string {
    const parts: string[] = [];
    for (const [column, value] of values) {
      if (value === UNCHANGED) continue;
      const name = JSON.stringify(this.#relation.columns[column]!.name);
      parts.push(`${name}:${toJson(value, this.#kinds[column]!, this.#loose[column]!)}`);
    }
    return parts.join(',');
  }
}

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Numbers as they are written, in all their digits, and as text where JSON has none of the kind (NaN). Objects and
 * arrays of `jsonb`, which keeps no other spelling of them, as they are; everything else as text, since that reads back
 * as it was.
 */
function toJson(text: string | null, kind: FieldKind, isLoose: boolean): string {
  if (text === null) return 'null';
  switch (kind) {
    case 'boolean':
      return text === 'true' || text === 't' ? 'true' : 'false';
    case 'integer':
    case 'single':
    case 'double':
    case 'decimal':
    case 'number':
      return JSON_NUMBER.test(text) ? text : JSON.stringify(text);
    case 'json':
      return isLoose && /^[[{]/.test(text) ? text : JSON.stringify(text);
    default:
      return JSON.stringify(text);
  }
}

/** Lines of CSV; NULL is empty, and empty text is quoted. */
export function toCsv(records: readonly (readonly (string | null)[])[], delimiter: string): string {
  return stringify(
    records.map((record) => [...record]),
    {
      delimiter,
      record_delimiter: '\n',
      quoted_match: /[\r\n]/,
      cast: { string: (value) => (value === '' ? { value, quoted_empty: true } : value) },
    },
  );
}
