import type { Barrier, RelationBarrier } from '../../../../../shared/change/barrier.ts';
import type { ClientBase } from 'pg';
import type { LaneBatch } from '../../../../../shared/connector/sink.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { alignRelation } from '../ddl/align-relation.ts';
import { applyChanges, prepareStaging } from '../apply/apply-changes.ts';
import { emptyStaging } from '../isolate/attempt-script.ts';
import { toMoveStatements, type Statement } from '../apply/change-statements.ts';
import { toMove } from '../../../../../shared/state/quarantine/set-moves-apart.ts';
import { moveRows } from './move-rows.ts';
import type { Aside } from '../../../../../shared/state/quarantine/aside.ts';
import { emptyParked } from '../state/parked-changes.ts';
import { dropKey, readOutsideKeys } from '../check/outside-keys.ts';
import { toPostgresError } from '../../connection/postgres-error.ts';
import { definitionOf } from '../../catalog/definition-of.ts';
import type { RelationCache } from '../target/relation-cache.ts';
import type { PlanTarget } from '../target/plan-target.ts';
import { readRowsOf } from '../../catalog/table-rows.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

/**
 * Carries out what concerns all lanes, once, with the progress of the lane that does it. Returns the rows that were put
 * aside because the target refused them.
 */
export async function runBarrier(
  session: WriterSession,
  target: PlanTarget & { onBadRow: 'stop' | 'park' },
  relations: RelationCache,
  batch: LaneBatch,
  barrier: Barrier,
): Promise<Aside[]> {
  if (barrier.kind === 'move') {
    const moved = await relations.targetOf(session.client, barrier.relation);
    return moveRows(session, target, batch, barrier, moved);
  }
  const targets: WriteTarget[] = [];
  for (const { relation } of batch.changes)
    targets.push(await relations.targetOf(session.client, relation));
  const statements = await barrierStatements(session, target, relations, barrier);
  await applyChanges(session, target.pipeline, batch, targets, { statements, commit: false });
  if (barrier.kind === 'relation') await alignNamespace(session, target, barrier);
  try {
    await session.client.query('COMMIT');
  } catch (error) {
    throw toPostgresError(error, 'committing at the target');
  } finally {
    if (barrier.kind === 'relation') relations.forget(barrier.after.relation.namespace);
  }
  return [];
}

export async function barrierStatements(
  session: WriterSession,
  { names, pipeline }: PlanTarget,
  relations: RelationCache,
  barrier: Barrier,
): Promise<Statement[]> {
  switch (barrier.kind) {
    case 'relation':
      return [];
    case 'truncate': {
      if (barrier.relations.length === 0) return [];
      const namespaces = barrier.relations.map(({ namespace }) => namespace);
      const tables = namespaces.map((namespace) => names.ofNamespace(namespace));
      await refuseOutsideKeys(
        session.client,
        tables.map((table) => table.sql),
      );
      // Not CASCADE: what it empties at the source is in the list, and no other table is the pipeline's to empty.
      const identity = barrier.restartIdentity ? ' RESTART IDENTITY' : '';
      const emptied = await readRowsOf(
        session.client,
        tables.map((table) => table.sql),
      );
      const sql = `TRUNCATE ${emptied.join(', ')}${identity}`;
      return [
        { sql, namespace: tables[0]!.namespace },
        ...emptyParked(pipeline, namespaces).map((each) => ({ sql: each })),
      ];
    }
    case 'move': {
      const moved = await relations.targetOf(session.client, barrier.relation);
      await prepareStaging(session, [{ target: moved, uses: ['masked', 'deletes', 'rows'] }]);
      return barrier.moves.flatMap((each) => [
        ...emptyStaging(session, moved),
        ...toMoveStatements(toMove(each), moved, session.staging),
      ]);
    }
  }
}

async function refuseOutsideKeys(client: ClientBase, tables: readonly string[]): Promise<void> {
  const keys = await readOutsideKeys(client, tables);
  if (keys.length === 0) return;
  const said = keys.map((key) => `${key.table} refers to ${key.references} by ${key.name}`);
  throw new WeirError(
    'TARGET_UNFIT',
    `TRUNCATE of ${tables.join(', ')} at the source cannot be followed while others at the target refer to what it empties: ${said.join(', ')}; run at the target ${keys.map(dropKey).join('; ')}; then start the pipeline again`,
  );
}

export async function alignNamespace(
  session: WriterSession,
  target: PlanTarget,
  barrier: RelationBarrier,
): Promise<void> {
  const { namespace } = barrier.after.relation;
  const name = target.names.ofNamespace(namespace);
  try {
    const natives = await target.natives.at(session.client);
    natives.requireAgreed([barrier.after]);
    const after = natives.plan(barrier.after);
    const { relation: before } = natives.plan({ ...after, relation: barrier.before });
    await alignRelation(session.client, target, { ...barrier, before, after });
    await session.client.query(
      // Which partitions there are is noted as they come and go.
      `UPDATE weir.namespace SET relation = $3::jsonb,
         definition = $4::jsonb || jsonb_build_object('partitions', definition -> 'partitions')
       WHERE pipeline = $1 AND namespace = $2`,
      [
        target.pipeline,
        namespace,
        JSON.stringify(barrier.after.relation),
        JSON.stringify(definitionOf(after)),
      ],
    );
  } catch (error) {
    throw toPostgresError(error, `changing the structure of ${name.namespace} at the target`);
  }
}
