import type pg from 'pg';
import type { Relation } from '../../../../../shared/change/relation.ts';
import type { TableDefinition } from '../../catalog/table-definition.ts';
import { quoteIdent } from '../../connection/names.ts';
import type { TargetName } from '../target/target-names.ts';
import { nameIndexes, type NamedDefinition } from './index-names.ts';
import { toConstraintStatement, toIndexStatement } from './moved-definition.ts';
import { isLate } from './table-ddl.ts';
import { runDdl } from '../target/target-ddl.ts';

/** A table whose copy has come in, as its source has it. */
export interface Late {
  relation: Relation;
  definition: TableDefinition;
}

/** Creates what is not there yet. */
export async function createLate(
  client: pg.Client,
  { definition: asAtSource }: Late,
  name: TargetName,
  claimed?: ReadonlySet<string>,
): Promise<NamedDefinition> {
  const named = await nameIndexes(client, asAtSource, name, claimed);
  const { definition } = named;
  // A parent that is finished at the same time gives it constraints.
  if ((definition.parents ?? []).length > 0)
    await client.query(`LOCK TABLE ONLY ${name.sql} IN SHARE UPDATE EXCLUSIVE MODE`);
  const { rows } = await client.query<{ constraints: string[]; indexes: string[] }>(
    `SELECT ARRAY(SELECT conname::text FROM pg_constraint WHERE conrelid = to_regclass($1)) AS constraints,
       ARRAY(SELECT x.relname::text FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
         WHERE i.indrelid = to_regclass($1)) AS indexes`,
    [name.sql],
  );
  const indexes = new Set(rows[0]!.indexes);
  const constraints = new Set([...rows[0]!.constraints, ...indexes]);
  for (const constraint of definition.constraints) {
    if (!isLate(constraint) || constraints.has(constraint.name)) continue;
    const what = `adding the constraint ${quoteIdent(constraint.name)} to ${name.namespace}`;
    await runDdl(client, toConstraintStatement(constraint, name), what);
  }
  for (const index of definition.indexes) {
    if (indexes.has(index.name)) continue;
    await runDdl(
      client,
      toIndexStatement(index, name),
      `creating the index ${quoteIdent(index.name)} of ${name.namespace}`,
    );
  }
  return named;
}
