import type { Relation } from '../../change/relation.ts';
import type { ParkedSelection, ReplayStep } from '../../connector/parking.ts';
import type { WeirError } from '../../errors/weir-error.ts';
import type { ParkedRecord } from '../records.ts';
import { nameOf } from './change-unit.ts';
import type { ParkedEntries, ParkedSet } from './parked-entries.ts';
import { chainsOf } from './parked-index.ts';

export interface PageEntry extends ParkedRecord {
  /** Why it cannot be written, where that is known before. */
  problem?: WeirError;
}

/** Entries of one chain in their order; `shape` names their relation. */
export interface ChainEntries {
  relation: Relation;
  shape: string;
  /** Nothing that is not of this page stands before them. */
  isFree: boolean;
  entries: PageEntry[];
}

/** What stands in the way of entries of a chain. */
interface Chain {
  /** Something before them was not applied. */
  blocked: boolean;
  /** A move ties it to another chain, so that a whole row does not make what is before it needless. */
  tied: boolean;
  /** Earlier entries that are in no page any more because they failed. */
  outside: boolean;
}

export const PAGE_ROWS = 200;
export const PAGE_BYTES = 8 << 20;

/** Some parked entries in the order of their ids, with what is known of the chains that they belong to. */
export class ParkedPage {
  readonly #selection: ParkedSelection;
  readonly #until: number;
  readonly #entries: readonly PageEntry[];
  readonly #chains = new Map<string, Chain>();
  /** Of each namespace, shapes of keys with entries that were not applied: those of other shapes wait for them. */
  readonly #stuck = new Map<string, Set<string>>();
  readonly #mixed = new Set<string>();
  readonly #done = new Set<number>();
  /** Chains of which everything up to this id has become needless. */
  readonly #overtaken = new Map<string, number>();
  readonly #reasons = new Map<number, string>();

  private constructor(selection: ParkedSelection, until: number, entries: readonly PageEntry[]) {
    this.#selection = selection;
    this.#until = until;
    this.#entries = entries;
    const shapes = new Map<string, string>();
    for (const entry of entries) {
      for (const chain of chainsOf(entry)) {
        const state = this.#chains.get(chain);
        const tied = entry.also !== null || state?.tied === true;
        this.#chains.set(chain, { blocked: false, outside: false, tied });
      }
      const shape = shapes.get(entry.namespace) ?? entry.shape;
      shapes.set(entry.namespace, shape);
      if (shape !== entry.shape) this.#mixed.add(entry.namespace);
    }
  }

  static async read(
    parked: ParkedEntries,
    selection: ParkedSelection,
    after: number,
    until: number | null,
    prepare: (entry: PageEntry) => Promise<PageEntry>,
  ): Promise<ParkedPage> {
    const last = until ?? (await parked.lastId());
    const limits = { limit: PAGE_ROWS, maxBytes: PAGE_BYTES };
    const wanted = { selection, wholeChains: true, after, until: last, ...limits };
    const entries: PageEntry[] = [];
    for (const record of await parked.read(wanted)) entries.push(await prepare(record));
    const page = new ParkedPage(selection, last, entries);
    if (entries.length > 0) await page.#lookAround(parked);
    return page;
  }

  /** What is before entries of this page and not in it was tried before, or is not selected: it blocks. */
  async #lookAround(parked: ParkedEntries): Promise<void> {
    const { chains, shapes } = await parked.outside({
      chains: this.#allChains(),
      namespaces: [...new Set(this.#entries.map((each) => each.namespace))],
      before: this.#entries.at(-1)!.id,
      ids: this.#entries.map(({ id }) => id),
    });
    for (const { chain, tied } of chains) {
      const state = this.#chains.get(nameOf(chain))!;
      Object.assign(state, { blocked: true, outside: true, tied: state.tied || tied });
    }
    for (const { namespace, shape } of shapes) {
      this.#stuckOf(namespace).add(shape);
      const differs = this.#entries.some((e) => e.namespace === namespace && e.shape !== shape);
      if (differs) this.#mixed.add(namespace);
    }
  }

  #allChains(): Buffer[] {
    return this.#entries.flatMap(({ chain, also }) => [chain, also].filter((c) => c !== null));
  }

  /** Chains that concern one key and nothing else, each with all its entries of this page. */
  plainChains(): ChainEntries[] {
    const chains = new Map<string, ChainEntries>();
    const entangled = new Set<string>();
    for (const entry of this.#entries) {
      const name = entry.chain === null ? `#${entry.id}` : nameOf(entry.chain);
      const shape = JSON.stringify(entry.relation);
      const state = this.#chains.get(name);
      const isFree = state?.blocked !== true;
      const chain = chains.get(name) ?? { relation: entry.relation, shape, isFree, entries: [] };
      chain.entries.push(entry);
      chains.set(name, chain);
      const isPlain =
        entry.kind !== 'move' &&
        entry.source === null &&
        entry.elsewhere === null &&
        state?.tied !== true &&
        !this.#mixed.has(entry.namespace) &&
        entry.relation.looseKey !== true &&
        chain.shape === shape;
      if (!isPlain) entangled.add(name);
    }
    return [...chains].filter(([name]) => !entangled.has(name)).map(([, chain]) => chain);
  }

  get entries(): readonly PageEntry[] {
    return this.#entries;
  }

  /**
   * Whether the entry was neither applied nor refused yet, and nothing stands before it, or it brings the whole row and
   * makes that needless.
   */
  mayTry(entry: PageEntry): boolean {
    if (this.#done.has(entry.id) || this.#reasons.has(entry.id)) return false;
    if (entry.source !== null) {
      this.fail(entry, entry.reason);
      return false;
    }
    const states = chainsOf(entry).map((chain) => this.#chains.get(chain)!);
    const stuck = this.#stuck.get(entry.namespace);
    const waits = stuck !== undefined && [...stuck].some((shape) => shape !== entry.shape);
    const isBlocked = waits || states.some(({ blocked }) => blocked);
    if (!isBlocked) return true;
    const isWhole = entry.kind === 'upsert' || entry.kind === 'delete';
    const may = isWhole && !waits && this.#isOwn(entry) && states.every(({ tied }) => !tied);
    if (!may) this.#block(entry);
    return may;
  }

  succeed(...entries: PageEntry[]): void {
    for (const entry of entries) {
      this.#done.add(entry.id);
      for (const name of chainsOf(entry)) {
        const state = this.#chains.get(name)!;
        if (state.blocked) this.#overtake(name, entry.id);
        state.blocked = false;
      }
    }
  }

  fail(entry: PageEntry, reason: string): void {
    this.#reasons.set(entry.id, reason);
    this.#block(entry);
  }

  /** What is to be taken out; null where nothing is. `least`: so many must be there still. */
  settled(): { entries: ParkedSet; least: number } | null {
    if (this.#done.size === 0 && this.#overtaken.size === 0) return null;
    const overtaken = [...this.#overtaken].map(([name, upTo]) => ({
      chain: Buffer.from(name, 'latin1'),
      upTo,
    }));
    const ids = [...this.#done];
    return { entries: { kind: 'done', ids, overtaken }, least: ids.length };
  }

  /** Why entries stay that were tried. */
  reasons(): ReadonlyMap<number, string> {
    return new Map([...this.#reasons].filter(([id]) => !this.#done.has(id)));
  }

  result(): Omit<ReplayStep, 'next'> {
    const replayed = this.#entries.filter(({ id }) => this.#done.has(id)).length;
    return { replayed, left: this.#entries.length - replayed, until: this.#until };
  }

  /** Where to go on; ids stand for their chains, so others take their place. */
  async next(parked: ParkedEntries): Promise<ReplayStep['next']> {
    const after = this.#entries.at(-1)?.id;
    if (after === undefined) return null;
    const selection = this.#selection;
    if (selection.kind !== 'ids') return { selection, after };
    const behind = await parked.firstBehind(this.#allChains(), after, this.#until);
    const ids = [...new Set([...behind, ...selection.ids.filter((id) => id > after)])];
    return ids.length === 0 ? null : { selection: { kind: 'ids', ids }, after };
  }

  #overtake(name: string, id: number): void {
    this.#overtaken.set(name, id);
    for (const entry of this.#entries)
      if (entry.id <= id && entry.chain !== null && nameOf(entry.chain) === name)
        this.#done.add(entry.id);
  }

  #block(entry: PageEntry): void {
    for (const chain of chainsOf(entry)) this.#chains.get(chain)!.blocked = true;
    this.#stuckOf(entry.namespace).add(entry.shape);
  }

  /** The chain is that of the entry's key alone. */
  #isOwn({ relation }: PageEntry): boolean {
    return relation.identity === 'key' && relation.looseKey !== true;
  }

  #stuckOf(namespace: string): Set<string> {
    const stuck = this.#stuck.get(namespace) ?? new Set<string>();
    this.#stuck.set(namespace, stuck);
    return stuck;
  }
}
