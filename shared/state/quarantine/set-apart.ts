import type { LaneBatch } from '../../connector/sink.ts';
import { type Aside, BEHIND, heldAside, type PlaceOf, toAside } from './aside.ts';
import { unitsOf, type Unit } from './change-unit.ts';
import { reasonOf } from './refusal.ts';
import type { QuarantineTarget } from './quarantine-target.ts';
import { splitOff } from './split-off.ts';

export interface SetApart {
  /** In their order. */
  aside: Aside[];
  /** Of these, what the target refused, or a step failed for. */
  refused: Aside[];
}

export interface SetApartOptions {
  /** The lanes say that entries may be parked. */
  marked: boolean;
  /** At the first row that is refused nothing more is tried. */
  onBadRow: 'stop' | 'park';
  /** Known to be refused already. */
  misfits?: readonly Aside[];
  placeOf?: PlaceOf | undefined;
}

/**
 * Applies a batch where a row of it is refused, or where rows are parked already: changes of parked keys wait behind
 * them, what is refused is found, the rest is applied. Returns what is to be put aside with the lane's progress.
 */
export async function setApart(
  room: QuarantineTarget,
  batch: LaneBatch,
  { marked, onBadRow, misfits = [], placeOf }: SetApartOptions,
): Promise<SetApart> {
  const aside = [...misfits];
  const refused = [...misfits];
  for (const changes of batch.changes) {
    const { relation } = changes;
    const { stay, wait } = marked
      ? await splitOff(room, changes)
      : { stay: unitsOf(changes), wait: [] };
    const found = await room.applyIsolating(relation, stay);
    const entriesOf = async (reasons: ReadonlyMap<Unit, string>): Promise<Aside[]> =>
      reasons.size === 0
        ? []
        : toAside(batch, relation, reasons, await room.chainsOf(relation, [...reasons.keys()]));
    aside.push(...(await entriesOf(new Map(wait.map((unit) => [unit, BEHIND])))));
    const those = await entriesOf(new Map(found.map(({ unit, error }) => [unit, reasonOf(error)])));
    aside.push(...those);
    refused.push(...those);
    if (refused.length > 0 && onBadRow === 'stop') return { aside, refused };
  }
  const held = heldAside(batch.held ?? [], placeOf);
  return {
    aside: [...aside, ...held],
    refused: [...refused, ...held.filter(({ source }) => source !== null)],
  };
}
