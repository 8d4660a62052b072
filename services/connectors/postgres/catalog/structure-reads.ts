import type pg from 'pg';
import type { SourceTable } from './catalog.ts';
import { qualifiedName, quoteIdent } from '../connection/names.ts';
import { suspectColumns, type KnownTable } from './structure-changes.ts';
import type { ColumnDefinition } from './table-definition.ts';
import type { ColumnRecord, LeafValues } from './table-record.ts';

/**
 * What the catalog alone does not tell of a changed table: whose values an ALTER has made anew, and what older rows have
 * in columns that came later. Asked of the rows, and only where the catalog leaves both possible.
 */
export async function readAltered(
  client: pg.Client,
  was: KnownTable,
  table: SourceTable,
): Promise<{ is: KnownTable; rewritten: Set<number> }> {
  const { relation, definition, leafValues } = table;
  const rewritten = new Set<number>();
  for (const column of suspectColumns(was, { relation, definition }))
    if (await anyLeaf(movedLeaves(was, table), (leaf) => isRewritten(client, leaf, column)))
      rewritten.add(column.number);
  const known = was.definition.record;
  const record = definition.record;
  if (known === undefined || record === undefined)
    return { is: { relation, definition }, rewritten };
  const moved = movedLeaves(was, table);
  const leaves = leafValues.filter(({ oid }) => known.leaves.some((each) => each.oid === oid));
  const columns: ColumnDefinition[] = [];
  for (const column of definition.columns) {
    const recorded = record.columns.find(({ name }) => name === column.name);
    if (
      recorded === undefined ||
      recorded.number <= known.lastNumber ||
      column.generated !== null
    ) {
      columns.push(column);
      continue;
    }
    const values = leaves.map(({ missing }) => missing[column.name] ?? null);
    const [missing = null] = values;
    const isLate = hasGap(known.lastNumber, recorded.number, record.columns);
    const unknown =
      isLate ||
      values.some((value) => value !== missing) ||
      (missing === null &&
        (await anyLeaf(moved, (leaf) =>
          holdsOlderValue(client, leaf, column.name, recorded.writtenBy),
        )));
    columns.push({ ...column, missing, unknown });
  }
  return { is: { relation, definition: { ...definition, columns } }, rewritten };
}

/** Columns were added and dropped again in between: which of them a row of the log means nobody can tell. */
function hasGap(from: number, to: number, columns: readonly { number: number }[]): boolean {
  for (let number = from + 1; number < to; number++)
    if (!columns.some((each) => each.number === number)) return true;
  return false;
}

/** Leaves that both have and whose rows are in another file by now. */
function movedLeaves(was: KnownTable, { definition, leafValues }: SourceTable): LeafValues[] {
  const before = new Map(was.definition.record?.leaves.map(({ oid, file }) => [oid, file]));
  const after = new Map(definition.record?.leaves.map(({ oid, file }) => [oid, file]));
  return leafValues.filter(({ oid }) => before.has(oid) && before.get(oid) !== after.get(oid));
}

async function anyLeaf(
  leaves: readonly LeafValues[],
  test: (leaf: LeafValues) => Promise<boolean>,
): Promise<boolean> {
  for (const leaf of leaves) if (await test(leaf)) return true;
  return false;
}

/**
 * An ALTER that rewrites a table writes its rows in its own name; VACUUM FULL and CLUSTER leave them in those of the
 * transactions they are of. Rows that were updated since are in the log, but for values out of line that stayed.
 */
async function isRewritten(
  client: pg.Client,
  leaf: LeafValues,
  { name, writtenBy }: ColumnRecord,
): Promise<boolean> {
  const sql = qualifiedName(leaf.schema, leaf.name);
  const { rows } = await client.query<{ rewritten: boolean }>(
    `SELECT NOT EXISTS (SELECT FROM ONLY ${sql} r WHERE age(r.xmin) > age($1::xid)) AND EXISTS (
       SELECT FROM ONLY ${sql} r WHERE r.xmin = $1::xid OR (
         SELECT a.attstorage <> 'p' FROM pg_catalog.pg_attribute a WHERE a.attrelid = $2 AND a.attname = $3)) AS rewritten`,
    [writtenBy, leaf.oid, name],
  );
  return rows[0]!.rewritten;
}

/** A value in a row that is no younger than the column came to it with the column: by a default that was computed. */
async function holdsOlderValue(
  client: pg.Client,
  leaf: LeafValues,
  column: string,
  writtenBy: string,
): Promise<boolean> {
  const sql = qualifiedName(leaf.schema, leaf.name);
  const { rows } = await client.query<{ holds: boolean }>(
    `SELECT EXISTS (SELECT FROM ONLY ${sql} r
       WHERE r.${quoteIdent(column)} IS DISTINCT FROM NULL AND age(r.xmin) >= age($1::xid)) AS holds`,
    [writtenBy],
  );
  return rows[0]!.holds;
}
