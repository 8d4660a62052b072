import type { ClientBase } from 'pg';

/**
 * A table as statements about its rows must name it (SELECT, JOIN, UPDATE, DELETE, TRUNCATE): without ONLY they are about
 * the tables that inherit from it, too, whose rows are their own. A partitioned table has only the rows of its
 * partitions. What adds rows (INSERT, COPY) and what is about the table itself names it as it is.
 */
export function rowsOf(sql: string, kind: string): string {
  return kind === 'p' ? sql : `ONLY ${sql}`;
}

/** The same of tables given by their SQL names, in their order, whatever they are at this server. */
export async function readRowsOf(client: ClientBase, tables: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ sql: string; kind: string }>(
    `SELECT w.sql, coalesce(c.relkind, 'r') AS kind FROM unnest($1::text[]) WITH ORDINALITY AS w(sql, at)
     LEFT JOIN pg_catalog.pg_class c ON c.oid = to_regclass(w.sql) ORDER BY w.at`,
    [tables],
  );
  return rows.map(({ sql, kind }) => rowsOf(sql, kind));
}
