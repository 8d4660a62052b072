import type { LaneBatch } from '../../connector/sink.ts';
import type { Barrier, MovedRow } from '../../change/barrier.ts';
import type { Relation } from '../../change/relation.ts';
import { keyOf } from '../../change/tuple.ts';
import { type Aside, BEHIND } from './aside.ts';
import { toNewParked } from './quarantine-steps.ts';
import { reasonOf } from './refusal.ts';
import type { Move, QuarantineTarget } from './quarantine-target.ts';
import type { SetApart, SetApartOptions } from './set-apart.ts';
import { ParkedSoFar, parkedOf } from './split-off.ts';

type MoveBarrier = Extract<Barrier, { kind: 'move' }>;

/**
 * Gives rows their new keys in order. Where changes of the old or the new key are parked, or where the target refuses the
 * row, the move is put behind them and concerns both keys from then on.
 */
export async function setMovesApart(
  room: QuarantineTarget,
  batch: LaneBatch,
  { relation, moves }: MoveBarrier,
  { marked, onBadRow }: Pick<SetApartOptions, 'marked' | 'onBadRow'>,
): Promise<SetApart> {
  const aside: Aside[] = [];
  const refused: Aside[] = [];
  const parked = new ParkedSoFar(room.parked);
  const put = (entry: Aside): void => {
    aside.push(entry);
    parked.add(toNewParked(entry));
  };
  for (const given of moves) {
    const read = (): Promise<Aside> => readEntry(room, batch, relation, given);
    const behind = marked || aside.length > 0 ? await read() : null;
    if (behind !== null && (await hasToWait(parked, behind))) {
      put(behind);
      continue;
    }
    const reason = given.failed?.reason ?? (await refusalOf(room, relation, given));
    if (reason === null) continue;
    const entry = { ...(behind ?? (await read())), reason };
    put(entry);
    refused.push(entry);
    if (onBadRow === 'stop') break;
  }
  return { aside, refused };
}

export function toMove({ key, row }: MovedRow): Move {
  return { key: fromBase64(key), row: fromBase64(row) };
}

function fromBase64(text: string): Buffer {
  return Buffer.from(text, 'base64');
}

async function refusalOf(
  room: QuarantineTarget,
  relation: Relation,
  given: MovedRow,
): Promise<string | null> {
  const error = await room.attemptMove(relation, toMove(given));
  return error === null ? null : reasonOf(error);
}

async function readEntry(
  room: QuarantineTarget,
  batch: LaneBatch,
  relation: Relation,
  given: MovedRow,
): Promise<Aside> {
  const move = toMove(given);
  const { failed } = given;
  const next = failed === undefined ? keyOf(move.row, relation.key) : fromBase64(failed.key);
  const [chain, also] = await room.keyChainsOf(relation, [next, move.key]);
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

async function hasToWait(parked: ParkedSoFar, { relation, chain, also }: Aside): Promise<boolean> {
  const of = await parkedOf(parked, relation);
  if (of !== 'some') return of === 'incomparable';
  return (await parked.among([chain!, ...(also === null ? [] : [also])])).size > 0;
}
