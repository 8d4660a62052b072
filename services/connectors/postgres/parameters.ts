import { quoteLiteral } from './names.ts';
import type { BoundRow } from './row-statements.ts';

/** Gives what stands for a value in the text of a statement. */
export type PutValue = (value: string | number, type: 'text' | 'integer' | 'bigint') => string;

export const asLiteral: PutValue = (value, type) =>
  `${typeof value === 'number' ? value : quoteLiteral(value)}::${type}`;

/** Values of a statement that travel beside its text, which is then prepared once for all of them. */
export class Parameters {
  readonly #values: Buffer[] = [];

  readonly put: PutValue = (value, type) => {
    this.#values.push(toTextValue(String(value)));
    return `$${this.#values.length}::${type}`;
  };

  bind(sql: string): BoundRow {
    const encodings = this.#values.map(() => 'text' as const);
    return { statement: { sql, encodings }, values: this.#values };
  }
}

/** As the values of tuples travel: i32 length, then that many bytes. */
export function toTextValue(text: string): Buffer {
  const bytes = Buffer.byteLength(text);
  const value = Buffer.allocUnsafe(4 + bytes);
  value.writeInt32BE(bytes, 0);
  value.write(text, 4);
  return value;
}
