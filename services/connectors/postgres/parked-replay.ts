import type { Relation } from '../../../shared/change/relation.ts';
import type { ParkedSelection, ReplayStep } from '../../../shared/connector/parking.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { applyCarefully, attemptUnits, prepareCarefully } from './apply-carefully.ts';
import { attemptMove } from './move-row.ts';
import type { Unit } from './parked-chain.ts';
import { clearMark, holdLanesPatiently, settleParked } from './parked-entries.ts';
import { foldChain } from './parked-fold.ts';
import { ParkedPage, type PageEntry } from './parked-page.ts';
import { reasonOf } from './refused-row.ts';
import type { RelationCache } from './relation-cache.ts';
import { openStateTables } from './state-tables.ts';
import { commit } from './write-carefully.ts';
import type { WriteTarget } from './write-target.ts';
import type { WriterSession } from './writer-session.ts';

export interface ReplayOptions {
  pipeline: string;
  relations: RelationCache;
}

/** Entries of one chain that are replayed as what they come to. */
interface Group {
  relation: Relation;
  entries: PageEntry[];
}

/**
 * Applies a page of parked entries in one transaction that holds all lanes: no change of these keys can pass by, and
 * of two who replay one waits and then finds what the other has left.
 *
 * What chains come to is applied as a set first, because rows may hand unique values on to each other; then, of chains
 * that were refused, entry after entry, so that each comes as far as it can.
 */
export class ParkedReplay {
  readonly #session: WriterSession;
  readonly #options: ReplayOptions;
  readonly #page: ParkedPage;

  private constructor(session: WriterSession, options: ReplayOptions, page: ParkedPage) {
    this.#session = session;
    this.#options = options;
    this.#page = page;
  }

  /** On any failure of the connection nothing has changed, and the session must be dropped. */
  static async step(
    session: WriterSession,
    options: ReplayOptions,
    selection: ParkedSelection,
    after: number,
  ): Promise<ReplayStep> {
    const { client } = session;
    const { pipeline } = options;
    if (!(await openStateTables(client))) return { replayed: 0, left: 0, next: null };
    await client.query('BEGIN');
    await client.query(holdLanesPatiently(pipeline));
    const page = await ParkedPage.read(client, pipeline, selection, after);
    const replay = new ParkedReplay(session, options, page);
    await replay.#asSets();
    await replay.#oneByOne();
    for (const where of page.settled()) await client.query(settleParked(pipeline, where));
    for (const { id, reason } of page.reasons())
      await client.query('UPDATE weir.parked SET reason = $2 WHERE id = $1', [id, reason]);
    const next = await page.next(client);
    await client.query(clearMark(pipeline));
    await commit(session);
    return { ...page.result(), next };
  }

  async #asSets(): Promise<void> {
    const byRelation = new Map<string, Group[]>();
    for (const group of this.#page.freeGroups()) {
      const list = byRelation.get(group.shape) ?? [];
      list.push(group);
      byRelation.set(group.shape, list);
    }
    for (const groups of byRelation.values()) await this.#asSet(groups);
  }

  async #asSet(groups: readonly Group[]): Promise<void> {
    const { relation } = groups[0]!;
    const target = await this.#targetOf(relation);
    if (target instanceof WeirError) return;
    const groupOf = new Map<Unit, Group>();
    for (const group of groups)
      for (const { kind, bytes } of foldChain(relation, group.entries.map(toUnit)))
        groupOf.set({ kind, bytes }, group);
    const failed = new Map<Group, WeirError>();
    const units = [...groupOf.keys()];
    for (const { unit, error } of await applyCarefully(this.#session, target, relation, units))
      failed.set(groupOf.get(unit)!, error);
    for (const group of groups) {
      const error = failed.get(group);
      if (error === undefined) this.#page.succeed(...group.entries);
      else if (group.entries.length === 1) this.#page.fail(group.entries[0]!, reasonOf(error));
    }
  }

  async #oneByOne(): Promise<void> {
    for (const entry of this.#page.open()) {
      if (!this.#page.mayTry(entry)) continue;
      const target = await this.#targetOf(entry.relation);
      const error = target instanceof WeirError ? target : await this.#attempt(target, entry);
      if (error === null) this.#page.succeed(entry);
      else this.#page.fail(entry, reasonOf(error));
    }
  }

  #attempt(target: WriteTarget, entry: PageEntry): Promise<WeirError | null> {
    const { kind, key, tuple, relation } = entry;
    if (kind === 'move') return attemptMove(this.#session, target, { key: key!, row: tuple! });
    return attemptUnits(this.#session, target, relation, [toUnit(entry)]);
  }

  /** An error where the target's table does not fit the entry any more. */
  async #targetOf(relation: Relation): Promise<WriteTarget | WeirError> {
    try {
      const target = await this.#options.relations.targetOf(this.#session.client, relation);
      await prepareCarefully(this.#session, [target]);
      return target;
    } catch (error) {
      if (error instanceof WeirError && error.code === 'TARGET_UNFIT') return error;
      throw error;
    }
  }
}

function toUnit({ kind, key, tuple }: PageEntry): Unit {
  if (kind === 'move') throw new TypeError('a move is not a change of one key');
  return { kind, bytes: kind === 'delete' ? key! : tuple! };
}
