import { createLate, type Late } from '../ddl/create-late.ts';
import type pg from 'pg';
import { finishNamespace as finishNamespaceStep } from '../../../../../shared/state/plan-steps.ts';
import { type RenamedIndex } from '../ddl/index-names.ts';
import { commitWithin } from '../state/postgres-state.ts';
import type { PlanTarget } from '../target/plan-target.ts';
import { inTransaction } from '../target/target-ddl.ts';

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
