import type { Barrier } from '../../../../../shared/change/barrier.ts';
import type { LaneBatch } from '../../../../../shared/connector/sink.ts';
import { type Aside, without } from '../../../../../shared/state/quarantine/aside.ts';
import { putAside } from '../../../../../shared/state/quarantine/quarantine-steps.ts';
import { setMovesApart } from '../../../../../shared/state/quarantine/set-moves-apart.ts';
import { prepareIsolating } from '../isolate/attempt-script.ts';
import { countStatements } from '../state/lane-progress.ts';
import { postgresTarget } from '../isolate/postgres-target.ts';
import { commitWithin } from '../state/postgres-state.ts';
import { readRefusedRow } from '../isolate/refused-row.ts';
import { unmetStep } from '../apply/unmet-changes.ts';
import { commit, moveLane } from '../isolate/write-isolating.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

/**
 * Gives rows their new keys in order, with the progress of the lane that does it. Returns the entries of what was refused.
 */
export async function moveRows(
  session: WriterSession,
  { pipeline, onBadRow }: { pipeline: string; onBadRow: 'stop' | 'park' },
  batch: LaneBatch,
  barrier: Extract<Barrier, { kind: 'move' }>,
  target: WriteTarget,
): Promise<Aside[]> {
  const { client } = session;
  await prepareIsolating(session, [target]);
  await client.query('BEGIN');
  const marked = await moveLane(session, pipeline, batch);
  const room = postgresTarget(session, {
    pipeline,
    targetOf: () => Promise.resolve(target),
    step: unmetStep(pipeline, batch),
  });
  const { aside, refused } = await setMovesApart(room, batch, barrier, { marked, onBadRow });
  if (refused.length > 0 && onBadRow === 'stop') {
    await client.query('ROLLBACK');
    throw await readRefusedRow(client, refused[0]!);
  }
  // The lane that moves rows is the first of all, so they are still taken in order.
  await commitWithin(client, pipeline, putAside(aside, marked));
  const counts = without(batch.counts, aside);
  const lanes = `(SELECT ${batch.before.lane} AS lane)`;
  const { before } = batch;
  for (const sql of countStatements(pipeline, { before, counts }, lanes)) await client.query(sql);
  await commit(session);
  return refused;
}
