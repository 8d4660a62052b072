import { sourceOf } from '../../change/namespace-part.ts';
import type { Relation } from '../../change/relation.ts';
import type { NetChanges } from '../../connector/sink.ts';
import type { NewParked } from '../state-step.ts';
import { nameOf, shapeOf, unitsOf, type Unit } from './change-unit.ts';
import type { ParkedEntries } from './parked-entries.ts';
import { chainsOf } from './parked-index.ts';
import type { QuarantineTarget } from './quarantine-target.ts';

/** What of a namespace is parked: nothing, keys that compare with the relation's, or others, behind which all waits. */
export async function parkedOf(
  parked: Pick<ParkedEntries, 'shapes'>,
  relation: Relation,
): Promise<'nothing' | 'some' | 'incomparable'> {
  const shapes = await parked.shapes(sourceOf(relation.namespace));
  if (shapes.size === 0) return 'nothing';
  return shapes.size === 1 && shapes.has(shapeOf(relation)) ? 'some' : 'incomparable';
}

/** Changes of keys that have parked entries wait behind them. */
export async function splitOff(
  room: QuarantineTarget,
  changes: NetChanges,
): Promise<{ stay: Unit[]; wait: Unit[] }> {
  const { relation } = changes;
  const units = unitsOf(changes);
  const parked = await parkedOf(room.parked, relation);
  if (parked === 'nothing' || relation.identity === 'none') return { stay: units, wait: [] };
  if (parked === 'incomparable') return { stay: [], wait: units };
  const chains = (await room.chainsOf(relation, units)) as Buffer[];
  const waiting = await room.parked.among(chains);
  const waits = (_: Unit, i: number): boolean => waiting.has(nameOf(chains[i]!));
  return { stay: units.filter((unit, i) => !waits(unit, i)), wait: units.filter(waits) };
}

/** What is parked by the time that a step is committed which puts more aside. */
export class ParkedSoFar {
  readonly #parked: ParkedEntries;
  readonly #chains = new Set<string>();
  readonly #shapes = new Map<string, Set<string>>();

  constructor(parked: ParkedEntries) {
    this.#parked = parked;
  }

  add(entry: Pick<NewParked, 'namespace' | 'shape' | 'chain' | 'also'>): void {
    for (const chain of chainsOf(entry)) this.#chains.add(chain);
    const source = sourceOf(entry.namespace);
    this.#shapes.set(source, (this.#shapes.get(source) ?? new Set()).add(entry.shape));
  }

  async shapes(source: string): Promise<ReadonlySet<string>> {
    return new Set([...(await this.#parked.shapes(source)), ...(this.#shapes.get(source) ?? [])]);
  }

  async among(chains: readonly Buffer[]): Promise<ReadonlySet<string>> {
    const own = chains.map(nameOf).filter((name) => this.#chains.has(name));
    return new Set([...(await this.#parked.among(chains)), ...own]);
  }
}
