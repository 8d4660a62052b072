import type pg from 'pg';
import type { Column, Relation } from '../../../../../shared/change/relation.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import type { RelationBarrier } from '../../../../../shared/change/barrier.ts';
import { diffSchemas, type SchemaChange } from '../../../../../shared/schema/schema-diff.ts';
import { acceptance, changedByHand, leftByHand, readTableAtTarget } from './by-hand.ts';
import { compareTable } from '../target/compare-table.ts';
import { isSameType } from '../../types/type-name.ts';
import { quoteIdent } from '../../connection/names.ts';
import { definitionOf } from '../../catalog/definition-of.ts';
import { columnsOnly, renderChange } from './render-change.ts';
import type { PlanTarget } from '../target/plan-target.ts';
import type { ColumnDefinition, TableDefinition } from '../../catalog/table-definition.ts';
import { createMissing, readMissing } from './table-dependencies.ts';
import { runDdl } from '../target/target-ddl.ts';
import { holdsRows, readTargetTable, type TargetTable } from '../target/target-table.ts';
import type { TargetName } from '../target/target-names.ts';

/**
 * Brings the target's table to the shape that its source has taken. Columns that were added are added; whatever
 * could destroy or change values at the target is left to a person, with the statement to run, and passes here once
 * the person has run it.
 */
export async function alignRelation(
  client: pg.Client,
  target: PlanTarget,
  change: RelationBarrier,
): Promise<void> {
  const { name, added } = await requireAlignable(client, target, change);
  if (added.columns.length === 0) return;
  await addColumns(client, definitionOf(change.after), added, name);
  requireFit(change.after.relation, name, await readTargetTable(client, name));
}

function requireFit(relation: Relation, name: TargetName, table: TargetTable | null): void {
  const problems = table === null ? [] : compareTable(relation, name, table);
  if (problems.length > 0) throw new WeirError('SCHEMA_CHANGED', problems.join('; '));
}

/** Throws where a person must see to the target's table; returns it with what it lacks. Changes nothing. */
export async function requireAlignable(
  client: pg.Client,
  { pipeline, create, names }: PlanTarget,
  { before, after, changes }: RelationBarrier,
): Promise<{ name: TargetName; added: AddedColumns }> {
  const { namespace } = after.relation;
  const name = names.ofNamespace(namespace);
  const table = await readTargetTable(client, name);
  if (table === null)
    throw new WeirError(
      'TARGET_UNFIT',
      `the table ${name.namespace} is gone from the target; run weir reset and copy again`,
    );
  if (changes !== undefined && changes.length > 0) {
    const { rows } = await client.query<{ accepted: string | null }>(
      `SELECT definition ->> 'accepted' AS accepted FROM weir.namespace WHERE pipeline = $1 AND namespace = $2`,
      [pipeline, namespace],
    );
    if (rows[0]?.accepted !== acceptance(changes)) {
      const left = leftByHand(changes, after, await readTableAtTarget(client, table, name), name);
      if (left.says.length > 0) throw changedByHand(left, changes, pipeline, after, name);
    }
  }
  // Where the source has told one column from another, names are no better.
  const byHand = changes === undefined ? changesByHand(before, after.relation, table, name) : [];
  if (byHand.length > 0) throw changed(name, byHand);
  const added = await addedColumns(client, create, definitionOf(after), after.relation, name);
  if (added.columns.length === 0) requireFit(after.relation, name, table);
  return { name, added };
}

/** The statements that only a person should run, as far as names tell; pure. What only the target has is its own. */
export function changesByHand(
  before: Relation,
  after: Relation,
  table: TargetTable,
  name: TargetName,
): string[] {
  const known = new Set([...before.columns, ...after.columns].map((column) => column.name));
  return differences(after, table, (column) => known.has(column))
    .filter(({ kind }) => kind !== 'columnAdded')
    .flatMap((change) => renderChange(change, name, { columnOf: plainColumn, filled: true }))
    .flatMap(({ statements }) => statements);
}

/** From the table, as far as it concerns those columns, to the relation. */
function differences(
  { namespace, columns }: Relation,
  table: TargetTable,
  concerns: (column: string) => boolean,
): SchemaChange[] {
  const there = table.columns.filter((column) => concerns(column.name));
  return diffSchemas(columnsOnly(namespace, there), columnsOnly(namespace, columns), {
    isSameType: (a, b) => isSameType(a.native, b.native),
  });
}

function changed(name: TargetName, statements: readonly string[]): WeirError {
  return new WeirError(
    'SCHEMA_CHANGED',
    `the structure of ${name.namespace} changed at the source; run at the target: ${statements.join('; ')}; then start the pipeline again`,
  );
}

/** Columns that the relation has and the target has not, with the value that the source's older rows have. */
export async function addMissingColumns(
  client: pg.Client,
  create: 'missing' | 'never',
  definition: TableDefinition,
  relation: Relation,
  name: TargetName,
): Promise<void> {
  const added = await addedColumns(client, create, definition, relation, name);
  await addColumns(client, definition, added, name);
}

interface AddedColumns {
  columns: { name: string; statements: string[] }[];
}

/** Throws where they cannot be added by themselves. */
async function addedColumns(
  client: pg.Client,
  create: 'missing' | 'never',
  definition: TableDefinition,
  relation: Relation,
  name: TargetName,
): Promise<AddedColumns> {
  const table = await readTargetTable(client, name);
  const isIts = (column: string): boolean => relation.columns.some((each) => each.name === column);
  const added = table === null ? [] : differences(relation, table, isIts).filter(isAdded);
  if (added.length === 0) return { columns: [] };
  const columnOf = ({ name: column }: { name: string }): ColumnDefinition =>
    (relation.origin === undefined
      ? definition.columns.find((each) => each.name === column)
      : undefined) ??
    madeColumn(
      relation.columns.find((each) => each.name === column)!,
      relation,
    );
  const render = (filled: boolean) =>
    added.map((change) => ({
      name: change.column.name,
      ...renderChange(change, name, { columnOf, filled }),
    }));
  if (create === 'never')
    throw changed(
      name,
      render(false).flatMap(({ statements }) => statements),
    );
  const columns = render(await holdsRows(client, name));
  const unknown = columns.filter(({ safe }) => !safe).map(columnOf);
  if (unknown.length > 0) throw unknownValues(unknown, relation, name);
  return { columns };
}

type ColumnAdded = Extract<SchemaChange, { kind: 'columnAdded' }>;

function isAdded(change: SchemaChange): change is ColumnAdded {
  return change.kind === 'columnAdded';
}

async function addColumns(
  client: pg.Client,
  definition: TableDefinition,
  { columns }: AddedColumns,
  name: TargetName,
): Promise<void> {
  if (columns.length === 0) return;
  await createMissing(client, await readMissing(client, definition, name));
  for (const { name: column, statements } of columns)
    for (const sql of statements)
      await runDdl(client, sql, `adding the column ${quoteIdent(column)} to ${name.namespace}`);
}

/** What a transformer makes of the value that the source's older rows have is not for the target to guess. */
function madeColumn(column: Column, { origin }: Relation): ColumnDefinition {
  const columns = (origin?.definition as TableDefinition | null | undefined)?.columns;
  const source = columns?.find((each) => each.name === column.name);
  const unknown = source !== undefined && (source.missing !== null || source.unknown === true);
  const plain = plainColumn({ name: column.name, native: column.type });
  return { ...plain, ...(unknown && { unknown }) };
}

function plainColumn({ name, native }: { name: string; native: string }): ColumnDefinition {
  return {
    name,
    type: native,
    notNull: false,
    default: null,
    missing: null,
    identity: null,
    generated: null,
    generatedKind: null,
    collation: null,
  };
}

function unknownValues(
  unknown: readonly ColumnDefinition[],
  relation: Relation,
  name: TargetName,
): WeirError {
  const columns = unknown.map((column) => quoteIdent(column.name));
  const add = unknown.map(({ name: column, type }) => `ADD COLUMN ${quoteIdent(column)} ${type}`);
  const key = relation.key.map((i) => quoteIdent(relation.columns[i]!.name));
  const fill =
    key.length === 0
      ? 'give it the values that it has at the source'
      : `bring its values there: load what COPY (SELECT ${[...key, ...columns].join(', ')} FROM the table) TO STDOUT gives at the source into a table "v" of these columns, then UPDATE ${name.sql} t SET ${columns.map((each) => `${each} = v.${each}`).join(', ')} FROM v WHERE ${key.map((each) => `t.${each} = v.${each}`).join(' AND ')}`;
  return new WeirError(
    'SCHEMA_CHANGED',
    `${name.namespace} got the column ${columns.join(', ')} at the source, whose values in older rows are not in its log (a default that is computed for each row, an identity, or one that the steps of the pipeline change). Run at the target: ALTER TABLE ${name.sql} ${add.join(', ')}; ${fill}; then give it its default, and start the pipeline again`,
  );
}
