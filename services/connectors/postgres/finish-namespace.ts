import type pg from 'pg';
import type { Relation } from '../../../shared/change/relation.ts';
import { toConstraintStatement, toIndexStatement } from './moved-definition.ts';
import { quoteIdent } from './names.ts';
import type { PlanTarget } from './save-plan.ts';
import { isLate, isOnColumns } from './table-ddl.ts';
import type { TableDefinition } from './table-definition.ts';
import { inTransaction, runDdl } from './target-ddl.ts';
import type { TargetName } from './target-names.ts';

/**
 * Does what a namespace waits for after its copy: further unique and exclusion constraints, checks that could not
 * hold before, indexes, statistics. In one transaction under a lock on its row, so that one writer does it while
 * the others pass it by; once it is committed, changes may be applied.
 */
export async function finishNamespace(
  client: pg.Client,
  target: PlanTarget,
  namespace: string,
): Promise<void> {
  await inTransaction(client, async () => {
    const { rows } = await client.query<Late>(
      `SELECT relation, definition FROM weir.namespace n
       WHERE pipeline = $1 AND namespace = $2 AND NOT ready AND NOT EXISTS (
         SELECT 1 FROM weir.chunk c WHERE c.pipeline = n.pipeline AND c.namespace = n.namespace AND NOT c.done)
       FOR UPDATE SKIP LOCKED`,
      [target.pipeline, namespace],
    );
    if (rows[0] === undefined) return;
    const name = target.names.ofNamespace(namespace);
    if (target.create === 'missing') await createLate(client, rows[0], name);
    await client.query(`ANALYZE ${name.sql}`);
    await client.query(
      'UPDATE weir.namespace SET ready = true WHERE pipeline = $1 AND namespace = $2',
      [target.pipeline, namespace],
    );
  });
}

export interface Late {
  relation: Relation;
  definition: TableDefinition;
}

/** Creates what is not there yet. */
export async function createLate(
  client: pg.Client,
  { relation, definition }: Late,
  name: TargetName,
): Promise<void> {
  const key = relation.key.map((i) => relation.columns[i]!.name);
  const { rows } = await client.query<{ names: string[] }>(
    `SELECT ARRAY(SELECT conname::text FROM pg_constraint WHERE conrelid = to_regclass($1)
       UNION SELECT x.relname::text FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
       WHERE i.indrelid = to_regclass($1)) AS names`,
    [name.sql],
  );
  const existing = new Set(rows[0]!.names);
  for (const constraint of definition.constraints) {
    if (!isLate(constraint) || existing.has(constraint.name)) continue;
    const what = `adding the constraint ${quoteIdent(constraint.name)} to ${name.namespace}`;
    await runDdl(client, toConstraintStatement(constraint, name), what);
  }
  for (const index of definition.indexes) {
    if (existing.has(index.name)) continue;
    // The key's own index is there under whatever name; a second one would only slow writing down.
    if (index.unique && key.length > 0 && isOnColumns(index.definition, key)) continue;
    const sql = toIndexStatement(index, name);
    if (sql !== null)
      await runDdl(
        client,
        sql,
        `creating the index ${quoteIdent(index.name)} of ${name.namespace}`,
      );
  }
}
