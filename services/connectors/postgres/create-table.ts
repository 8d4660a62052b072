import type pg from 'pg';
import type { Relation } from '../../../shared/change/relation.ts';
import { createLate } from './finish-namespace.ts';
import { toTableStatements } from './table-ddl.ts';
import type { TableDefinition } from './table-definition.ts';
import { createMissing, readMissing } from './table-dependencies.ts';
import { runDdl } from './target-ddl.ts';
import type { TargetNames } from './target-names.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';

interface Wanted {
  relation: Relation;
  definition: TableDefinition;
}

/** Makes a table, and what it needs to exist before it. */
export async function createTable(
  client: pg.Client,
  names: TargetNames,
  { relation, definition }: Wanted,
): Promise<void> {
  const name = names.ofNamespace(relation.namespace);
  await createMissing(client, await readMissing(client, definition, name));
  const { rows } = await client.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  );
  for (const sql of toTableStatements(definition, relation, names, rows[0]!.version))
    await runDdl(client, sql, `creating the table ${name.namespace}`);
}

/**
 * Makes the table with all that comes after its copy, and takes it back: a server that is older than the source or
 * lacks a function, a collation or an operator class says so before anything is copied. Null where all went well.
 */
export async function rehearseTable(
  client: pg.Client,
  names: TargetNames,
  wanted: Wanted,
): Promise<string | null> {
  await client.query('BEGIN');
  try {
    await createTable(client, names, wanted);
    await createLate(client, wanted, names.ofNamespace(wanted.relation.namespace));
    return null;
  } catch (error) {
    if (error instanceof WeirError && error.code === 'TARGET_UNFIT') return error.message;
    throw error;
  } finally {
    await client.query('ROLLBACK');
  }
}
