import type pg from 'pg';
import { partitionTree } from '../../catalog/partition-tree.ts';

/** Fewer do not make a plan slow. */
const MANY_PAGES = 100;

/**
 * A table whose rows were all of transactions that were open or have failed when the server last counted passes for
 * empty, until it counts again; what is staged would meanwhile be compared with each of its rows, and not looked up.
 * The transaction that sees its rows has them counted now. Costs a question where there is no such table.
 */
export async function countUncounted(client: pg.Client, names: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT c.oid::regclass::text AS name FROM unnest($1::text[]) AS table_name
       CROSS JOIN LATERAL ${partitionTree('to_regclass(table_name)')} p
       JOIN pg_catalog.pg_class c ON c.oid = p.relid
     WHERE c.relkind = 'r' AND c.reltuples = 0 AND c.relpages > ${MANY_PAGES}`,
    [names],
  );
  // Whoever else works on the statistics of one is about to count it.
  for (const { name } of rows) await client.query(`ANALYZE (SKIP_LOCKED) ${name}`);
}
