import type { ParkedSelection, ReplayStep } from '../../connector/parking.ts';
import type { WeirError } from '../../errors/weir-error.ts';
import type { StateChange, StateStep } from '../state-step.ts';
import { keyOfUnit, type Unit } from './change-unit.ts';
import { foldChain } from './fold-units.ts';
import { type ChainEntries, type PageEntry, ParkedPage } from './parked-page.ts';
import { reasonOf } from './refusal.ts';
import { REFUSED_OR_NOT_READY, type ReplayTarget } from './quarantine-target.ts';

/**
 * Applies a page of parked entries while no change of these keys can pass by. Returns the step that takes out what was
 * applied.
 *
 * What chains come to is applied as a set first, because rows may hand unique values on to each other; then, of chains
 * that were refused, entry after entry, so that each comes as far as it can: of all such chains one at a time. Entries
 * that concern more than one key come last and alone.
 */
export async function replayPage(
  room: ReplayTarget,
  selection: ParkedSelection,
  after: number,
  until: number | null,
): Promise<{ step: StateStep; result: ReplayStep }> {
  const page = await ParkedPage.read(room.parked, selection, after, until, (entry) =>
    room.prepare(entry),
  );
  const replay = new Replay(room, page);
  const chains = page.plainChains();
  await replay.asSets(chains.filter(({ isFree }) => isFree));
  await replay.inRounds(chains);
  await replay.oneByOne();
  const next = await page.next(room.parked);
  return { step: stepOf(page), result: { ...page.result(), next } };
}

function stepOf(page: ParkedPage): StateChange[] {
  const settled = page.settled();
  const reasons = page.reasons();
  return [
    ...(reasons.size === 0 ? [] : [{ kind: 'explain' as const, reasons }]),
    ...(settled === null ? [] : [{ kind: 'settle' as const, ...settled, as: 'applied' as const }]),
    // Also where nothing was to be done: the steps may have left the last entries out.
    { kind: 'mark', parked: 'found' },
  ];
}

class Replay {
  readonly #room: ReplayTarget;
  readonly #page: ParkedPage;

  constructor(room: ReplayTarget, page: ParkedPage) {
    this.#room = room;
    this.#page = page;
  }

  async asSets(chains: readonly ChainEntries[]): Promise<void> {
    const byRelation = new Map<string, ChainEntries[]>();
    for (const chain of chains) {
      const list = byRelation.get(chain.shape) ?? [];
      list.push(chain);
      byRelation.set(chain.shape, list);
    }
    for (const list of byRelation.values()) await this.#asSet(list);
  }

  async #asSet(chains: readonly ChainEntries[]): Promise<void> {
    const { relation } = chains[0]!;
    const ofAll = await this.#room.problemOf(relation);
    const failed = new Map<ChainEntries, WeirError>();
    for (const chain of chains) {
      const problem = ofAll ?? chain.entries.find((each) => each.problem)?.problem;
      if (problem !== undefined) failed.set(chain, problem);
    }
    const chainOf = new Map<Unit, ChainEntries>();
    for (const chain of chains.filter((each) => !failed.has(each)))
      for (const unit of this.#unitsOf(chain)) chainOf.set(unit, chain);
    const units = [...chainOf.keys()];
    for (const { unit, error } of await this.#room.applyIsolating(
      relation,
      units,
      REFUSED_OR_NOT_READY,
    ))
      failed.set(chainOf.get(unit)!, error);
    for (const chain of chains) {
      const error = failed.get(chain);
      if (error === undefined) this.#page.succeed(...chain.entries);
      else if (chain.entries.length === 1) this.#page.fail(chain.entries[0]!, reasonOf(error));
    }
  }

  /**
   * What the chain comes to. Where it is written once more after a crash, rows that no key tells apart are written one for
   * each entry, by its name: what they come to together may be another number by then, and some are there already.
   */
  #unitsOf({ relation, entries }: ChainEntries): Unit[] {
    if (this.#room.repeats && relation.identity !== 'key')
      return entries.map((entry) => ({ ...toUnit(entry), name: String(entry.id) }));
    const units = foldChain(relation, entries.map(toUnit));
    return units.map((unit, i) => ({ ...unit, name: `${entries[0]!.id}-${i}` }));
  }

  async inRounds(chains: readonly ChainEntries[]): Promise<void> {
    const rest = chains.map((chain) => ({ chain, entries: [...chain.entries] }));
    for (;;) {
      const round = rest.flatMap(({ chain, entries }) => {
        const at = entries.findIndex((entry) => this.#page.mayTry(entry));
        return at < 0 ? [] : [{ ...chain, entries: entries.splice(0, at + 1).slice(at) }];
      });
      if (round.length === 0) return;
      await this.asSets(round);
    }
  }

  async oneByOne(): Promise<void> {
    for (const entry of this.#page.entries) {
      if (!this.#page.mayTry(entry)) continue;
      const problem = (await this.#room.problemOf(entry.relation)) ?? entry.problem;
      const error = problem ?? (await this.#attempt(entry));
      if (error === null) this.#page.succeed(entry);
      else this.#page.fail(entry, reasonOf(error));
    }
  }

  async #attempt(entry: PageEntry): Promise<WeirError | null> {
    const { kind, key, tuple, relation } = entry;
    if (kind === 'move')
      return this.#room.attemptMove(
        relation,
        { key: key!, row: tuple!, name: String(entry.id) },
        REFUSED_OR_NOT_READY,
      );
    const unit = { ...toUnit(entry), name: String(entry.id) };
    const error = await this.#room.attempt(relation, [unit], REFUSED_OR_NOT_READY);
    return error ?? this.#takeFromElsewhere(entry, keyOfUnit(relation, unit));
  }

  async #takeFromElsewhere(
    { id, elsewhere }: PageEntry,
    key: Buffer | null,
  ): Promise<WeirError | null> {
    if (key === null) return null;
    for (const relation of elsewhere ?? []) {
      const problem = await this.#room.problemOf(relation);
      if (problem !== null) return problem;
      const name = `${id}-elsewhere`;
      const error = await this.#room.attempt(relation, [{ kind: 'delete', bytes: key, name }]);
      if (error !== null) return error;
    }
    return null;
  }
}

function toUnit({ kind, key, tuple }: PageEntry): Unit {
  if (kind === 'move') throw new TypeError('a move is not a change of one key');
  return { kind, bytes: kind === 'delete' ? key! : tuple! };
}
