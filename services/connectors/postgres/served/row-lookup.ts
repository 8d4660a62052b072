import type pg from 'pg';
import type { Relation } from '../../../../shared/change/relation.ts';
import { toTuple } from '../../../../shared/change/tuple.ts';
import type { SourceTable } from '../catalog/catalog.ts';
import { outputText } from '../source/snapshot/chunk-plan.ts';
import { quoteIdent, toSqlName } from '../connection/names.ts';
import { rowsOf } from '../catalog/table-rows.ts';

/** The rows with these keys as they are now, in the order of the keys, null where there is none. */
export async function readRowsByKey(
  client: pg.Client,
  relation: Relation,
  kind: SourceTable['kind'],
  keys: readonly Buffer[],
): Promise<(Buffer | null)[]> {
  const found = new Array<Buffer | null>(keys.length).fill(null);
  if (keys.length === 0) return found;
  const parts = keys.map((key) => splitKey(key, relation.key.length));
  const params = relation.key.map((_, i) => parts.map((part) => part[i]));
  const names = relation.key.map((_, i) => `k${i}`);
  const arrays = relation.key.map((_, i) => `$${i + 1}::pg_catalog.text[]`);
  const match = relation.key.map((column, i) => {
    const { name, type } = relation.columns[column]!;
    return `t.${quoteIdent(name)} = k.${names[i]}::${type}`;
  });
  const columns = relation.columns.map(outputText).join(', ');
  const from = rowsOf(toSqlName(relation.namespace), kind);
  const result = await client.query<(string | null)[]>({
    text: `SELECT k.at::pg_catalog.text, v.* FROM unnest(${arrays.join(', ')}) WITH ORDINALITY AS k(${names.join(', ')}, at)
      CROSS JOIN LATERAL (SELECT ${columns} FROM ${from} t WHERE ${match.join(' AND ')}) v`,
    values: params,
    rowMode: 'array',
    types: { getTypeParser: () => (text: string) => text },
  });
  for (const [at, ...values] of result.rows) found[Number(at) - 1] = toTuple(values);
  return found;
}

function splitKey(key: Buffer, columns: number): (string | null)[] {
  const values: (string | null)[] = [];
  for (let i = 0, at = 0; i < columns; i++) {
    const length = key.readInt32BE(at);
    values.push(length < 0 ? null : key.toString('utf8', at + 4, at + 4 + length));
    at += 4 + Math.max(0, length);
  }
  return values;
}
