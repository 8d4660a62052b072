import { runSql, withClient } from '../sql.ts';

/** Tables and what is in them. */
export interface DataSet {
  readonly tables: readonly Table[];
  /** The statements that make the tables, empty. */
  readonly definition: string;
  /** The statements that put exactly that many rows into them, all tables together. */
  fill: (rows: number) => string[];
}

export interface Table {
  /** With its schema. */
  name: string;
  /** What brings its rows into one order, for ORDER BY. */
  order: string;
}

export async function createTables(url: string, data: DataSet, signal: AbortSignal): Promise<void> {
  await runSql(url, data.definition, signal);
}

/** Makes the tables with their rows, settled as tables that are in use: hint bits set, statistics there. */
export async function createFilledTables(
  url: string,
  data: DataSet,
  rows: number,
  signal: AbortSignal,
): Promise<void> {
  await withClient(url, signal, async (query) => {
    await query(data.definition);
    for (const statement of data.fill(rows)) await query(statement);
    await query('VACUUM ANALYZE');
  });
}

/** Of the tables without their indexes, with what is stored out of line. */
export async function tableBytes(url: string, data: DataSet, signal: AbortSignal): Promise<number> {
  const names = data.tables.map(({ name }) => `'${name}'`).join(', ');
  const rows = await runSql(
    url,
    `SELECT sum(pg_table_size(name::regclass)) AS bytes FROM unnest(ARRAY[${names}]) AS name`,
    signal,
  );
  return Number(rows[0]?.['bytes']);
}
