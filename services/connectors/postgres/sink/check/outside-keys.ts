import type { ClientBase } from 'pg';
import { quoteIdent } from '../../connection/names.ts';
import { partitionTree } from '../../catalog/partition-tree.ts';

/** A foreign key of a table outside that refers to one of ours, for which the server refuses to empty ours. */
export interface OutsideKey {
  /** As SQL names them. */
  table: string;
  references: string;
  name: string;
}

/** Foreign keys to these tables (as SQL names them), and to their partitions, that belong to other tables. */
export async function readOutsideKeys(
  client: ClientBase,
  tables: readonly string[],
): Promise<OutsideKey[]> {
  const { rows } = await client.query<OutsideKey>(
    `WITH ours AS (
       SELECT p.relid AS oid FROM unnest($1::text[]) t CROSS JOIN LATERAL ${partitionTree('to_regclass(t)')} p)
     SELECT k.conrelid::regclass::text AS table, k.confrelid::regclass::text AS references, k.conname AS name
     FROM pg_catalog.pg_constraint k
     WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid IN (SELECT oid FROM ours)
       AND k.conrelid NOT IN (SELECT oid FROM ours)
     ORDER BY 1, 3`,
    [tables],
  );
  return rows;
}

export function dropKey({ table, name }: OutsideKey): string {
  return `ALTER TABLE ${table} DROP CONSTRAINT ${quoteIdent(name)}`;
}
