import type { ClientBase } from 'pg';
import type { Relation } from '../../../../shared/change/relation.ts';
import {
  columnOffsets,
  fillUnchanged,
  toTuple,
  UNCHANGED_LENGTH,
} from '../../../../shared/change/tuple.ts';
import { absentField } from '../../../../shared/document/from-document.ts';
import { toSqlName } from '../connection/names.ts';
import type { TargetTable } from '../sink/target/target-table.ts';

/**
 * Rows with what they say nothing of: NULL, or what the column's default gives, once for each row, where it must not be
 * NULL. Throws `DocumentError` where it has none.
 */
export async function fillAbsent(
  client: ClientBase,
  relation: Relation,
  table: TargetTable,
  rows: readonly Buffer[],
): Promise<Buffer[]> {
  const notNull = new Map(table.columns.map((column) => [column.name, column]));
  const filled = rows.map(() => new Array<string | null>(relation.columns.length).fill(null));
  for (const [place, { name }] of relation.columns.entries()) {
    const column = notNull.get(name);
    if (column?.notNull !== true) continue;
    const lacking = rows.flatMap((row, i) => (isAbsent(row, place) ? [i] : []));
    if (lacking.length === 0) continue;
    if (!column.hasDefault) throw absentField(relation, name);
    const values = await readDefaults(client, relation.namespace, name, lacking.length);
    lacking.forEach((row, i) => (filled[row]![place] = values[i]!));
  }
  return rows.map((row, i) => fillUnchanged(row, toTuple(filled[i]!)));
}

function isAbsent(row: Buffer, place: number): boolean {
  return row.readInt32BE(columnOffsets(row)[place]!) === UNCHANGED_LENGTH;
}

/** A default may be another value each time. */
async function readDefaults(
  client: ClientBase,
  namespace: string,
  column: string,
  count: number,
): Promise<string[]> {
  const table = toSqlName(namespace);
  const { rows } = await client.query<{ expression: string; type: string }>(
    `SELECT pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
       CASE WHEN a.attidentity <> '' THEN
         pg_catalog.format('pg_catalog.nextval(%L)', pg_catalog.pg_get_serial_sequence($1, $2))
       ELSE pg_catalog.pg_get_expr(d.adbin, d.adrelid) END AS expression
     FROM pg_catalog.pg_attribute a
     LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = $1::regclass AND a.attname = $2`,
    [table, column],
  );
  const { expression, type } = rows[0]!;
  const made = await client.query<{ value: string }>(
    `SELECT ((${expression})::${type})::pg_catalog.text AS value FROM pg_catalog.generate_series(1, $1::int)`,
    [count],
  );
  return made.rows.map(({ value }) => value);
}
