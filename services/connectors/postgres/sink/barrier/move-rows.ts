import type { Barrier, MovedRow } from '../../../../../shared/change/barrier.ts';
import type { LaneBatch } from '../../../../../shared/connector/sink.ts';
import { keyOf } from '../../../../../shared/change/tuple.ts';
import type { WeirError } from '../../../../../shared/errors/weir-error.ts';
import {
  attemptScript,
  emptyStaging,
  prepareCarefully,
  type Refusals,
} from '../isolate/attempt-script.ts';
import { toMoveStatements, type Move } from '../apply/change-statements.ts';
import { countStatements } from '../state/lane-progress.ts';
import { without, BEHIND, type Aside } from '../../../../../shared/state/quarantine/aside.ts';
import { nameOf } from '../../../../../shared/state/quarantine/change-unit.ts';
import {
  holdLanes,
  markParked,
  parkedAmong,
  parkedOf,
  putAside,
} from '../quarantine/parked-entries.ts';
import { readKeyChains } from '../isolate/parked-keys.ts';
import { reasonOf, refusedRowError } from '../isolate/refused-row.ts';
import { commit, moveLane } from '../isolate/write-carefully.ts';
import { meetsRows, unmetStep, type UnmetStep } from '../apply/unmet-changes.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

type MoveBarrier = Extract<Barrier, { kind: 'move' }>;

/**
 * Gives rows their new keys in order, with the progress of the lane that does it. Where changes of the old or the new
 * key are parked, or where the target refuses the row, the move is put behind them and concerns both keys from then on.
 * Returns the entries of what was refused.
 */
export async function moveRows(
  session: WriterSession,
  { pipeline, onBadRow }: { pipeline: string; onBadRow: 'stop' | 'park' },
  batch: LaneBatch,
  { relation, moves }: MoveBarrier,
  target: WriteTarget,
): Promise<Aside[]> {
  const { client } = session;
  const aside: Aside[] = [];
  const refused: Aside[] = [];
  await prepareCarefully(session, [target]);
  await client.query('BEGIN');
  let marked = await moveLane(session, pipeline, batch);
  const { namespace } = relation;
  const counted = meetsRows(relation) ? { namespace, step: unmetStep(pipeline, batch) } : undefined;
  for (const given of moves) {
    const read = (): Promise<Aside> => readEntry(session, batch, relation, target, given);
    const behind = marked ? await read() : null;
    if (behind !== null && (await hasToWait(session, pipeline, behind))) {
      aside.push(behind);
      await putAside(client, pipeline, [behind]);
      continue;
    }
    const reason =
      given.failed?.reason ?? (await refusalOf(session, target, toMove(given), counted));
    if (reason === null) continue;
    const entry = { ...(behind ?? (await read())), reason };
    if (onBadRow === 'stop') {
      await client.query('ROLLBACK');
      throw await refusedRowError(client, entry);
    }
    if (!marked) {
      // The lane that moves rows is the first of all, so they are still taken in order.
      await client.query(holdLanes(pipeline));
      await client.query(markParked(pipeline));
      marked = true;
    }
    aside.push(entry);
    refused.push(entry);
    await putAside(client, pipeline, [entry]);
  }
  const counts = without(batch.counts, aside);
  const lanes = `(SELECT ${batch.before.lane} AS lane)`;
  const { before } = batch;
  for (const sql of countStatements(pipeline, { before, counts }, lanes)) await client.query(sql);
  await commit(session);
  return refused;
}

export function toMove({ key, row }: MovedRow): Move {
  return { key: fromBase64(key), row: fromBase64(row) };
}

function fromBase64(text: string): Buffer {
  return Buffer.from(text, 'base64');
}

export function attemptMove(
  session: WriterSession,
  target: WriteTarget,
  move: Move,
  refusals?: Refusals,
  counted?: { namespace: string; step: UnmetStep },
): Promise<WeirError | null> {
  const statements = [
    ...emptyStaging(session, target),
    ...toMoveStatements(move, target, session.staging, counted),
  ];
  return attemptScript(session, statements, refusals);
}

async function readEntry(
  session: WriterSession,
  batch: LaneBatch,
  relation: MoveBarrier['relation'],
  target: WriteTarget,
  given: MovedRow,
): Promise<Aside> {
  const move = toMove(given);
  const { failed } = given;
  const next = failed === undefined ? keyOf(move.row, relation.key) : fromBase64(failed.key);
  const keys = [next, move.key];
  const [chain, also] = await readKeyChains(session, target, relation, keys);
  return {
    relation,
    kind: 'move',
    chain: chain!,
    also: also!.equals(chain!) ? null : also!,
    key: move.key,
    tuple: move.row,
    copied: false,
    position: batch.after.position,
    counts: { inserts: 0, updates: 1, deletes: 0 },
    source: failed?.source ?? null,
    reason: failed?.reason ?? BEHIND,
  };
}

async function refusalOf(
  session: WriterSession,
  target: WriteTarget,
  move: Move,
  counted?: { namespace: string; step: UnmetStep },
): Promise<string | null> {
  const error = await attemptMove(session, target, move, undefined, counted);
  return error === null ? null : reasonOf(error);
}

async function hasToWait(
  { client }: WriterSession,
  pipeline: string,
  { relation, chain, also }: Aside,
): Promise<boolean> {
  const parked = await parkedOf(client, pipeline, relation);
  if (parked !== 'some') return parked === 'incomparable';
  const both = [chain!, ...(also === null ? [] : [also])];
  const found = await parkedAmong(client, pipeline, both);
  return both.some((each) => found.has(nameOf(each)));
}
