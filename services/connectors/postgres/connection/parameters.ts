import { quoteLiteral } from './names.ts';
import type { BoundRow } from './bound-statement.ts';

export type SqlValue = string | number | boolean | Buffer | null;
export type SqlType =
  | 'text'
  | 'integer'
  | 'bigint'
  | 'boolean'
  | 'jsonb'
  | 'bytea'
  | 'timestamptz'
  | 'integer[]'
  | 'bigint[]'
  | 'text[]';

/** Gives what stands for a value in the text of a statement. */
export type PutValue = (value: SqlValue, type: SqlType) => string;

export const asLiteral: PutValue = (value, type) => {
  const text = textOf(value);
  return `${typeof text === 'string' ? quoteLiteral(text) : String(text)}::${type}`;
};

/** Values of a statement that travel beside its text, which is then prepared once for all of them. */
export class Parameters {
  readonly #values: Buffer[] = [];

  readonly put: PutValue = (value, type) => {
    this.#values.push(toTextValue(value === null ? null : String(textOf(value))));
    return `$${this.#values.length}::${type}`;
  };

  bind(sql: string): BoundRow {
    const encodings = this.#values.map(() => 'text' as const);
    return { statement: { sql, encodings }, values: this.#values };
  }
}

function textOf(value: SqlValue): Exclude<SqlValue, Buffer> {
  return Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value;
}

/** As the values of tuples travel: i32 length, then that many bytes; the length -1 alone is NULL. */
export function toTextValue(text: string | null): Buffer {
  const bytes = text === null ? 0 : Buffer.byteLength(text);
  const value = Buffer.allocUnsafe(4 + bytes);
  value.writeInt32BE(text === null ? -1 : bytes, 0);
  if (text !== null) value.write(text, 4);
  return value;
}
