import type { Relation } from '../../../../shared/change/relation.ts';
import { quoteIdent } from '../connection/names.ts';

/**
 * SQL that hashes rows so that two servers agree exactly when what they would print agrees: differences that `=`
 * hides, such as 1.0 and 1.00, count, and NULL differs from an empty text. The columns are those of the relation, in
 * its order, whatever the order in the table.
 *
 * Two hashes of 64 bits with different seeds; a set of rows is the sum of each, so that the order of reading is of no
 * account and equal rows do not cancel out.
 */
export interface RowHashSql {
  /** A row's key as text: an array's text form, which `rowsByKey` takes apart again; without a key the row's hash. */
  key: string;
  hash: string;
  sums: string;
  bucket: (buckets: number) => string;
  /** Joins rows `t` with wanted keys `w.key`; null where only the row's hash can be compared. */
  match: ((types: ReadonlyMap<string, string>) => string) | null;
}

export function rowHashSql(relation: Relation): RowHashSql {
  const columns = relation.columns.map((column) => `t.${quoteIdent(column.name)}`);
  const row = `ROW(${columns.join(', ')})::text COLLATE "C"`;
  const first = `hashtextextended(${row}, 1)`;
  const second = `hashtextextended(${row}, 2)`;
  const hash = `${first}::text || ':' || ${second}::text`;
  const isKeyed = relation.identity === 'key';
  const keys = relation.key.map((i) => columns[i]!);
  const key = isKeyed ? `ARRAY[${keys.map((each) => `${each}::text`).join(', ')}]::text` : hash;
  const hashed = isKeyed ? `hashtextextended(${key} COLLATE "C", 0)` : first;
  return {
    key,
    hash,
    sums: `sum(${first})::text || ':' || sum(${second})::text`,
    bucket: (buckets) => `((${hashed} & 9223372036854775807) % ${buckets})::int`,
    match: isKeyed
      ? (types) =>
          relation.key
            .map((i, at) => {
              const { name } = relation.columns[i]!;
              return `t.${quoteIdent(name)} = (w.parts)[${at + 1}]::${types.get(name) ?? 'text'}`;
            })
            .join(' AND ')
      : null,
  };
}
