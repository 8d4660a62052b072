import type { ClientBase } from 'pg';
import type { Relation } from '../../../../../shared/change/relation.ts';
import type { ParkedSelection, ReplayStep } from '../../../../../shared/connector/parking.ts';
import type { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { nameOf } from '../../../../../shared/state/quarantine/change-unit.ts';
import { selected } from './parked-list.ts';

export interface PageEntry {
  id: number;
  namespace: string;
  relation: Relation;
  shape: string;
  kind: 'upsert' | 'update' | 'delete' | 'move';
  chain: Buffer | null;
  also: Buffer | null;
  key: Buffer | null;
  tuple: Buffer | null;
  /** A step failed for it and still does. */
  untransformed: boolean;
  elsewhere: Relation[] | null;
  reason: string;
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
const PAGE_BYTES = 8 << 20;

/** Some parked entries in the order of their ids, with what is known of the chains that they belong to. */
export class ParkedPage {
  readonly #selection: ParkedSelection;
  readonly #pipeline: string;
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

  private constructor(
    pipeline: string,
    selection: ParkedSelection,
    until: number,
    entries: readonly PageEntry[],
  ) {
    this.#pipeline = pipeline;
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
    client: ClientBase,
    pipeline: string,
    selection: ParkedSelection,
    after: number,
    until: number | null,
    prepare: (entry: PageEntry) => Promise<PageEntry>,
  ): Promise<ParkedPage> {
    const { sql, value } = wholeChains(selection);
    const last = until ?? (await readLastId(client, pipeline));
    const { rows } = await client.query<Omit<PageEntry, 'id'> & { id: string }>(
      `SELECT * FROM (
         SELECT *, sum(COALESCE(octet_length(tuple), 0)) OVER (ORDER BY id) - COALESCE(octet_length(tuple), 0) AS before FROM (
           SELECT id, namespace, relation, shape, kind, chain, also, key, tuple, source IS NOT NULL AS untransformed, elsewhere, reason FROM weir.parked p
           WHERE pipeline = $1 AND id > $2 AND id <= $4 AND ${sql} ORDER BY id LIMIT ${PAGE_ROWS}) chosen) page
       WHERE before < ${PAGE_BYTES} ORDER BY id`,
      [pipeline, after, value, last],
    );
    const entries: PageEntry[] = [];
    for (const row of rows) entries.push(await prepare({ ...row, id: Number(row.id) }));
    const page = new ParkedPage(pipeline, selection, last, entries);
    await page.#lookAround(client);
    return page;
  }

  /** What is before entries of this page and not in it was tried before, or is not selected: it blocks. */
  async #lookAround(client: ClientBase): Promise<void> {
    const ids = this.#entries.map(({ id }) => id);
    const last = ids.at(-1) ?? 0;
    const chains = this.#entries.flatMap(({ chain, also }) =>
      [chain, also].filter((c) => c !== null),
    );
    const { rows } = await client.query<{ chain: Buffer; tied: boolean }>(
      `SELECT chain, bool_or(tied) AS tied FROM (
         SELECT chain, also IS NOT NULL AS tied FROM weir.parked
         WHERE pipeline = $1 AND chain = ANY($2::bytea[]) AND id < $3 AND id <> ALL($4::bigint[])
         UNION ALL SELECT also, true FROM weir.parked
         WHERE pipeline = $1 AND also = ANY($2::bytea[]) AND id < $3 AND id <> ALL($4::bigint[])) c GROUP BY chain`,
      [this.#pipeline, chains, last, ids],
    );
    for (const row of rows) {
      const state = this.#chains.get(nameOf(row.chain))!;
      Object.assign(state, { blocked: true, outside: true, tied: state.tied || row.tied });
    }
    const others = await client.query<{ namespace: string; shape: string }>(
      `SELECT DISTINCT namespace, shape FROM weir.parked
       WHERE pipeline = $1 AND namespace = ANY($2::text[]) AND id < $3 AND id <> ALL($4::bigint[])`,
      [this.#pipeline, [...new Set(this.#entries.map((each) => each.namespace))], last, ids],
    );
    for (const { namespace, shape } of others.rows) {
      this.#stuckOf(namespace).add(shape);
      const differs = this.#entries.some((e) => e.namespace === namespace && e.shape !== shape);
      if (differs) this.#mixed.add(namespace);
    }
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
        !entry.untransformed &&
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
    if (entry.untransformed) {
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

  /** The condition that names what is to be taken out; null where nothing is. */
  settled(): string | null {
    const parts = [...this.#overtaken].map(
      ([name, id]) =>
        `(chain = '\\x${Buffer.from(name, 'latin1').toString('hex')}' AND id <= ${id})`,
    );
    if (this.#done.size > 0) parts.push(`id IN (${[...this.#done].join(', ')})`);
    return parts.length === 0 ? null : `(${parts.join(' OR ')})`;
  }

  /** Why entries stay that were tried. */
  reasons(): ReadonlyMap<number, string> {
    return new Map([...this.#reasons].filter(([id]) => !this.#done.has(id)));
  }

  result(): Omit<ReplayStep, 'next'> {
    const replayed = this.#entries.filter(({ id }) => this.#done.has(id)).length;
    return { replayed, left: this.#entries.length - replayed, until: this.#until };
  }

  /** Where to go on, once what was applied has been taken out; ids stand for their chains, so others take their place. */
  async next(client: ClientBase): Promise<ReplayStep['next']> {
    const after = this.#entries.at(-1)?.id;
    if (after === undefined) return null;
    if (this.#selection.kind !== 'ids') return { selection: this.#selection, after };
    const chains = this.#entries.flatMap(({ chain, also }) =>
      [chain, also].filter((c) => c !== null),
    );
    const { rows } = await client.query<{ id: string }>(
      `SELECT DISTINCT ON (chain) id FROM weir.parked
       WHERE pipeline = $1 AND id > $2 AND id <= $4 AND chain = ANY($3::bytea[]) ORDER BY chain, id`,
      [this.#pipeline, after, chains, this.#until],
    );
    const further = this.#selection.ids.filter((id) => id > after);
    const ids = [...new Set([...rows.map(({ id }) => Number(id)), ...further])];
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

function chainsOf({ chain, also }: PageEntry): string[] {
  return [chain, also].flatMap((each) => (each === null ? [] : [nameOf(each)]));
}

export async function readLastId(client: ClientBase, pipeline: string): Promise<number> {
  const { rows } = await client.query<{ id: string }>(
    'SELECT COALESCE(max(id), 0) AS id FROM weir.parked WHERE pipeline = $1',
    [pipeline],
  );
  return Number(rows[0]!.id);
}

/** Ids stand for all entries of their chains: the first could not be passed, and the last would be alone. */
export function wholeChains(selection: ParkedSelection): { sql: string; value: unknown } {
  const { sql, value } = selected(selection);
  if (selection.kind !== 'ids') return { sql, value };
  return {
    sql: `(p.${sql} OR EXISTS (SELECT 1 FROM weir.parked s WHERE s.pipeline = p.pipeline AND s.${sql}
      AND (s.chain IN (p.chain, p.also) OR s.also IN (p.chain, p.also))))`,
    value,
  };
}
