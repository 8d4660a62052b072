import type { LaneBatch } from '../../../../../shared/connector/sink.ts';
import { BEGIN, COMMIT, toSmallBatch } from './small-batch.ts';
import { progressOrFailure } from '../state/lane-progress.ts';
import { RowRefused } from '../session/prepared-rows.ts';
import type { BoundRow } from '../../connection/bound-statement.ts';
import { unmetStep } from './unmet-changes.ts';
import type { WriterSession } from '../session/writer-session.ts';
import type { WriteTarget } from '../target/write-target.ts';

/**
 * Writes small batches of several lanes in one transaction and one round trip. Gives those that must be written alone:
 * all where the target refused anything, so that what was wrong is told of its own lane only.
 */
export async function writeTogether(
  session: WriterSession,
  pipeline: string,
  batches: readonly LaneBatch[],
  targetsOf: (batch: LaneBatch) => Promise<WriteTarget[]>,
): Promise<readonly LaneBatch[]> {
  const statements: BoundRow[] = [];
  const left: LaneBatch[] = [];
  for (const batch of batches) {
    const rows = await toRows(session, pipeline, batch, targetsOf);
    if (rows === null) left.push(batch);
    else statements.push(progressOrFailure(pipeline, batch), ...rows);
  }
  if (left.length === batches.length) return left;
  try {
    await session.prepared.run(session.client, [BEGIN, ...statements, COMMIT]);
    return left;
  } catch (error) {
    if (!(error instanceof RowRefused)) throw error;
    await session.client.query('ROLLBACK');
    return batches;
  }
}

/** Null where they cannot be written one by one, or where what they need is not at the target. */
async function toRows(
  session: WriterSession,
  pipeline: string,
  batch: LaneBatch,
  targetsOf: (batch: LaneBatch) => Promise<WriteTarget[]>,
): Promise<BoundRow[] | null> {
  let targets: WriteTarget[];
  try {
    targets = await targetsOf(batch);
  } catch {
    // It fails again when it is written alone, and is told there.
    return null;
  }
  const parts = batch.changes.map((changes, i) => ({ changes, target: targets[i]! }));
  return toSmallBatch(session, parts, unmetStep(pipeline, batch))?.rows ?? null;
}
