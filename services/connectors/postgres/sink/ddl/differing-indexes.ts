import type pg from 'pg';
import { isSameStatement, toConstraintStatement, toIndexStatement } from './moved-definition.ts';
import { quoteIdent } from '../../connection/names.ts';
import type { TableDefinition } from '../../catalog/table-definition.ts';
import type { TargetName } from '../target/target-names.ts';

interface There {
  name: string;
  /** As the server prints it. */
  text: string;
  isConstraint: boolean;
}

/**
 * Indexes and constraints of a table of the target that have the name of one at the source and are something else: a
 * sentence for each, with what puts the source's in its place. `definition` has the names that they have there. Told of
 * and left, because an index may be what somebody has chosen for the target.
 */
export async function differingIndexes(
  client: pg.Client,
  definition: TableDefinition,
  target: TargetName,
): Promise<string[]> {
  const there = new Map((await readThere(client, target.sql)).map((each) => [each.name, each]));
  const wanted = [
    ...definition.constraints
      .filter(({ kind }) => kind !== 'foreign')
      .map((each) => ({ ...each, sql: toConstraintStatement(each, target) })),
    ...definition.indexes.map((each) => ({ ...each, sql: toIndexStatement(each, target) })),
  ];
  const told: string[] = [];
  for (const { name, sql } of wanted) {
    const found = there.get(name);
    if (found === undefined || isSameStatement(statementOf(found, target), sql)) continue;
    const quoted = quoteIdent(name);
    const drop = found.isConstraint
      ? `ALTER TABLE ${target.sql} DROP CONSTRAINT ${quoted}`
      : `DROP INDEX ${quoteIdent(target.schema)}.${quoted}`;
    told.push(
      `${quoted} of ${target.namespace} at the target is not what it is at the source, and stays as it is; to have the source's, run at the target: ${drop}; ${sql}`,
    );
  }
  return told;
}

async function readThere(client: pg.Client, table: string): Promise<There[]> {
  const { rows } = await client.query<There>(
    `SELECT k.conname AS name, pg_get_constraintdef(k.oid) AS text, true AS "isConstraint"
     FROM pg_catalog.pg_constraint k WHERE k.conrelid = to_regclass($1) AND k.contype IN ('p', 'u', 'c', 'x')
     UNION ALL
     SELECT x.relname, pg_get_indexdef(i.indexrelid), false
     FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
     WHERE i.indrelid = to_regclass($1) AND NOT EXISTS (
       SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x'))`,
    [table],
  );
  return rows;
}

function statementOf({ name, text, isConstraint }: There, target: TargetName): string {
  if (!isConstraint) return toIndexStatement({ name, unique: false, definition: text }, target);
  return toConstraintStatement({ name, kind: 'check', definition: text, references: null }, target);
}
