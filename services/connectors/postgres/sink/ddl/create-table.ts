import type pg from 'pg';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { allSequences } from '../../catalog/all-sequences.ts';
import { createLate } from './create-late.ts';
import { nameIndexes, type NamedDefinition } from './index-names.ts';
import { otherTypes } from './other-types.ts';
import { toDefaultStatements } from './default-ddl.ts';
import { sequenceSql } from './sequence-ddl.ts';
import { toTableStatements } from './table-ddl.ts';
import type { TableDefinition } from '../../catalog/table-definition.ts';
import { createMissing, readMissing } from './table-dependencies.ts';
import { runDdl } from '../target/target-ddl.ts';
import type { TargetNames } from '../target/target-names.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';

interface Wanted {
  relation: Relation;
  definition: TableDefinition;
}

/** Makes a table, and what it needs to exist before it. Some of its defaults come later: see `createDefaults`. */
export async function createTable(
  client: pg.Client,
  names: TargetNames,
  { relation, definition: asAtSource }: Wanted,
  claimed?: ReadonlySet<string>,
): Promise<NamedDefinition> {
  const name = names.ofNamespace(relation.namespace);
  const named = await nameIndexes(client, asAtSource, name, claimed);
  const { definition } = named;
  await refuseTaken(client, definition, names);
  await createMissing(client, await readMissing(client, definition, name));
  const { rows } = await client.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  );
  for (const sql of toTableStatements(definition, relation, names, rows[0]!.version))
    await runDdl(client, sql, `creating the table ${name.namespace}`);
  return named;
}

/** Gives a table the defaults that need other tables; after all are made. */
export async function createDefaults(
  client: pg.Client,
  names: TargetNames,
  definition: TableDefinition,
): Promise<void> {
  const { namespace } = names.ofTable(definition);
  for (const sql of toDefaultStatements(definition, names))
    await runDdl(client, sql, `giving ${namespace} its defaults`);
}

/** What would be taken for a sequence, a partition or a type of the table, only because it has the name of one. */
async function refuseTaken(
  client: pg.Client,
  definition: TableDefinition,
  names: TargetNames,
): Promise<void> {
  const types = await otherTypes(client, definition.types);
  if (types.length > 0) throw new WeirError('TARGET_UNFIT', types.join('; '));
  const sequences = allSequences(definition)
    .filter(({ kind }) => kind !== 'identity')
    .map((sequence) => ({ sql: sequenceSql(sequence), kind: 'S' }));
  const partitions = definition.partitions.map((partition) => ({ sql: names.ofPartition(partition, definition).sql, kind: '' })); // prettier-ignore
  const wanted = [...sequences, ...partitions];
  const { rows } = await client.query<{ sql: string }>(
    `SELECT w.sql FROM unnest($1::text[], $2::text[]) AS w(sql, kind)
     JOIN pg_catalog.pg_class c ON c.oid = to_regclass(w.sql) AND c.relkind::text <> w.kind`,
    [wanted.map(({ sql }) => sql), wanted.map(({ kind }) => kind)],
  );
  if (rows.length > 0)
    throw new WeirError(
      'TARGET_UNFIT',
      `${names.ofTable(definition).namespace} needs ${rows.map(({ sql }) => sql).join(', ')}, and something else at the target has that name; rename it there, or the sequence or partition at the source`,
    );
}

/**
 * Makes the table with all that comes after its copy, and takes it back: a server that is older than the source or
 * lacks a function, a collation or an operator class says so before anything is copied. `claimed`: names of its schema that
 * tables before it will have.
 */
export async function rehearseTable(
  client: pg.Client,
  names: TargetNames,
  wanted: Wanted,
  claimed: ReadonlySet<string>,
): Promise<NamedDefinition | string> {
  await client.query('BEGIN');
  try {
    const named = await createTable(client, names, wanted, claimed);
    await createDefaults(client, names, wanted.definition);
    await createLate(client, wanted, names.ofNamespace(wanted.relation.namespace), claimed);
    return named;
  } catch (error) {
    if (error instanceof WeirError && error.code === 'TARGET_UNFIT') return error.message;
    throw error;
  } finally {
    await client.query('ROLLBACK');
  }
}
