import type pg from 'pg';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { finishNamespace as finishNamespaceStep } from '../../../../../shared/state/plan-steps.ts';
import { nameIndexes, type NamedDefinition, type RenamedIndex } from '../ddl/index-names.ts';
import { toConstraintStatement, toIndexStatement } from '../ddl/moved-definition.ts';
import { quoteIdent } from '../../connection/names.ts';
import { commitWithin } from '../state/postgres-state.ts';
import type { PlanTarget } from '../save-plan.ts';
import { isLate } from '../ddl/table-ddl.ts';
import type { TableDefinition } from '../../catalog/table-definition.ts';
import { inTransaction, runDdl } from '../ddl/target-ddl.ts';
import type { TargetName } from '../target/target-names.ts';

/**
 * Does what a namespace waits for after its copy: further unique and exclusion constraints, checks that could not
 * hold before, indexes, statistics. In one transaction under a lock on its row, so that one writer does it while
 * the others pass it by; once it is committed, changes may be applied. Returns what has other names than at the source.
 */
export async function finishNamespace(
  client: pg.Client,
  target: PlanTarget,
  namespace: string,
): Promise<RenamedIndex[]> {
  return inTransaction(client, async () => {
    const { rows } = await client.query<Late>(
      `SELECT relation, definition FROM weir.namespace n
       WHERE pipeline = $1 AND namespace = $2 AND NOT ready AND NOT EXISTS (
         SELECT 1 FROM weir.chunk c WHERE c.pipeline = n.pipeline AND c.namespace = n.namespace AND NOT c.done)
       FOR UPDATE SKIP LOCKED`,
      [target.pipeline, namespace],
    );
    if (rows[0] === undefined) return [];
    const name = target.names.ofNamespace(namespace);
    const named =
      target.create === 'missing' ? await createLate(client, rows[0], name) : { renamed: [] };
    await client.query(`ANALYZE ${name.sql}`);
    await commitWithin(client, target.pipeline, finishNamespaceStep(namespace));
    return named.renamed;
  });
}

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
