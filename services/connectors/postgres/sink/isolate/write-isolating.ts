import type { LaneBatch } from '../../../../../shared/connector/sink.ts';
import { fencedLane } from '../../../../../shared/state/lane-steps.ts';
import { type Aside, type PlaceOf, without } from '../../../../../shared/state/quarantine/aside.ts';
import { putAside } from '../../../../../shared/state/quarantine/quarantine-steps.ts';
import { setApart } from '../../../../../shared/state/quarantine/set-apart.ts';
import { prepareIsolating } from './attempt-script.ts';
import { countStatements, moveStatement } from '../state/lane-progress.ts';
import { holdLanes } from '../state/parked-changes.ts';
import { postgresTarget } from './postgres-target.ts';
import { commitWithin } from '../state/postgres-state.ts';
import { deferredError, readRefusedRow } from './refused-row.ts';
import { unmetStep } from '../apply/unmet-changes.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

export interface IsolatingOptions {
  pipeline: string;
  onBadRow: 'stop' | 'park';
  /** Hold all lanes from the start: needed to park where nothing is parked yet. */
  holdAll: boolean;
}

export interface IsolatingOutcome {
  /** `again`: nothing was written, because all lanes must be held for it. */
  outcome: 'written' | 'again';
  /** Whether the pipeline may have parked rows now. */
  parked: boolean;
  /** Put aside because the target refused them, or because a step failed for them. */
  refused: Aside[];
}

/**
 * Applies a batch where a row of it is refused, or where rows are parked already: changes of parked keys are put behind
 * them, what is refused is found and put aside (or, where the pipeline is to stop, told by its key), the rest is
 * applied; all in one transaction with the lane's progress. `misfits` are known to be refused already.
 */
export async function writeIsolating(
  session: WriterSession,
  { pipeline, onBadRow, holdAll }: IsolatingOptions,
  batch: LaneBatch,
  targets: readonly WriteTarget[],
  misfits: readonly Aside[] = [],
  placeOf?: PlaceOf,
): Promise<IsolatingOutcome> {
  const { client } = session;
  await prepareIsolating(session, targets);
  await client.query('BEGIN');
  if (holdAll) await client.query(holdLanes(pipeline));
  const marked = await moveLane(session, pipeline, batch);
  const known = new Map(batch.changes.map(({ relation }, i) => [relation, targets[i]!]));
  const room = postgresTarget(session, {
    pipeline,
    targetOf: (relation) => Promise.resolve(known.get(relation)!),
    step: unmetStep(pipeline, batch),
  });
  const options = { marked, onBadRow, misfits, placeOf };
  const { aside, refused } = await setApart(room, batch, options);
  if (refused.length > 0 && onBadRow === 'stop') {
    await client.query('ROLLBACK');
    throw await readRefusedRow(client, refused[0]!);
  }
  if (refused.length > 0 && !marked && !holdAll) {
    await client.query('ROLLBACK');
    return { outcome: 'again', parked: false, refused: [] };
  }
  await commitWithin(client, pipeline, putAside(aside, marked));
  const counts = without(batch.counts, aside);
  const lanes = `(SELECT ${batch.before.lane} AS lane)`;
  for (const sql of countStatements(pipeline, { ...batch, counts }, lanes)) await client.query(sql);
  await commit(session);
  return { outcome: 'written', parked: marked || refused.length > 0, refused };
}

/** The fence; returns whether rows of the pipeline are parked. */
export async function moveLane(
  { client }: WriterSession,
  pipeline: string,
  batch: LaneBatch,
): Promise<boolean> {
  const { rows } = await client.query<{ parked: boolean }>(
    `${moveStatement(pipeline, batch)} RETURNING parked`,
  );
  if (rows[0] === undefined) throw fencedLane(batch);
  return rows[0].parked;
}

/** What is refused only now is not of one row. */
export async function commit({ client }: WriterSession): Promise<void> {
  try {
    await client.query('COMMIT');
  } catch (error) {
    throw deferredError(error);
  }
}
