import type { PutValue } from './parameters.ts';

/** Values of a statement that is sent once, for `client.query`. */
export class QueryValues {
  readonly list: unknown[] = [];

  readonly put: PutValue = (value, type) => `$${this.list.push(value)}::${type}`;
}
