import type { LaneBatch, NetChanges } from '../../../../../shared/connector/sink.ts';
import { fencedLane } from '../../../../../shared/state/lane-steps.ts';
import { applyCarefully } from './apply-carefully.ts';
import { prepareCarefully } from './attempt-script.ts';
import { countStatements, moveStatement } from '../state/lane-progress.ts';
import {
  heldAside,
  type PlaceOf,
  toAside,
  without,
  BEHIND,
  type Aside,
} from '../../../../../shared/state/quarantine/aside.ts';
import { nameOf, unitsOf, type Unit } from '../../../../../shared/state/quarantine/change-unit.ts';
import {
  holdLanes,
  markParked,
  parkedAmong,
  parkedOf,
  putAside,
} from '../quarantine/parked-entries.ts';
import { readChains } from './parked-keys.ts';
import { deferredError, reasonOf, refusedRowError } from './refused-row.ts';
import { unmetStep } from '../apply/unmet-changes.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

export interface CarefulOptions {
  pipeline: string;
  onBadRow: 'stop' | 'park';
  /** Hold all lanes from the start: needed to park where nothing is parked yet. */
  holdAll: boolean;
}

export interface CarefulOutcome {
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
export async function writeCarefully(
  session: WriterSession,
  { pipeline, onBadRow, holdAll }: CarefulOptions,
  batch: LaneBatch,
  targets: readonly WriteTarget[],
  misfits: readonly Aside[] = [],
  placeOf?: PlaceOf,
): Promise<CarefulOutcome> {
  const { client } = session;
  await prepareCarefully(session, targets);
  await client.query('BEGIN');
  if (holdAll) await client.query(holdLanes(pipeline));
  const marked = await moveLane(session, pipeline, batch);
  const aside: Aside[] = [...misfits];
  const refused: Aside[] = [...misfits];
  const step = unmetStep(pipeline, batch);
  for (const [i, changes] of batch.changes.entries()) {
    const target = targets[i]!;
    const { relation } = changes;
    const { stay, wait } = marked
      ? await splitOff(session, pipeline, target, changes)
      : { stay: unitsOf(changes), wait: [] };
    const behind = new Map(wait.map((unit) => [unit, BEHIND]));
    const found = new Map(
      (await applyCarefully(session, target, relation, stay, undefined, step)).map(
        ({ unit, error }) => [unit, reasonOf(error)] as const,
      ),
    );
    for (const [reasons, list] of [
      [behind, [aside]],
      [found, [aside, refused]],
    ] as const) {
      const chains = await readChains(session, target, relation, [...reasons.keys()]);
      const entries = toAside(batch, relation, reasons, chains);
      for (const each of list) each.push(...entries);
    }
    if (refused.length > 0 && onBadRow === 'stop') {
      await client.query('ROLLBACK');
      throw await refusedRowError(client, refused[0]!);
    }
  }
  const held = heldAside(batch.held ?? [], placeOf);
  aside.push(...held);
  refused.push(...held.filter(({ source }) => source !== null));
  if (refused.length > 0 && !marked && !holdAll) {
    await client.query('ROLLBACK');
    return { outcome: 'again', parked: false, refused: [] };
  }
  await putAside(client, pipeline, aside);
  if (refused.length > 0 && !marked) await client.query(markParked(pipeline));
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

/** Changes of keys that have parked entries wait behind them. */
export async function splitOff(
  session: WriterSession,
  pipeline: string,
  target: WriteTarget,
  changes: NetChanges,
): Promise<{ stay: Unit[]; wait: Unit[] }> {
  const { relation } = changes;
  const units = unitsOf(changes);
  const parked = await parkedOf(session.client, pipeline, relation);
  if (parked === 'nothing' || relation.identity === 'none') return { stay: units, wait: [] };
  if (parked === 'incomparable') return { stay: [], wait: units };
  const chains = (await readChains(session, target, relation, units)) as Buffer[];
  const waiting = await parkedAmong(session.client, pipeline, chains);
  const waits = (_: Unit, i: number): boolean => waiting.has(nameOf(chains[i]!));
  return { stay: units.filter((unit, i) => !waits(unit, i)), wait: units.filter(waits) };
}
