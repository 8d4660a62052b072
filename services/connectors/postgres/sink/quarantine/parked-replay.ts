import type { ClientBase } from 'pg';
import type { Relation } from '../../../../../shared/change/relation.ts';
import type {
  ParkedSelection,
  ReplayStep,
  RetrySteps,
} from '../../../../../shared/connector/parking.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { applyCarefully, attemptUnits } from '../isolate/apply-carefully.ts';
import { prepareCarefully, REFUSED_OR_NOT_READY } from '../isolate/attempt-script.ts';
import { attemptMove } from '../barrier/move-rows.ts';
import { keyOfUnit, type Unit } from '../../../../../shared/state/quarantine/change-unit.ts';
import { clearMark, holdLanesPatiently, settleParked } from './parked-entries.ts';
import type { DocumentWriter } from '../documents/document-writer.ts';
import { foldChain } from '../../../../../shared/state/quarantine/fold-units.ts';
import { parkedDocuments } from './parked-documents.ts';
import { mendParked } from './parked-steps.ts';
import { ParkedPage, type ChainEntries, type PageEntry } from './parked-page.ts';
import { reasonOf } from '../isolate/refused-row.ts';
import type { RelationCache } from '../target/relation-cache.ts';
import { openStateTables } from '../state/state-tables.ts';
import { commit } from '../isolate/write-carefully.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

export interface ReplayOptions {
  pipeline: string;
  relations: RelationCache;
  retrySteps: RetrySteps | undefined;
  documents: DocumentWriter;
}

/**
 * Applies a page of parked entries in one transaction that holds all lanes: no change of these keys can pass by, and
 * of two who replay one waits and then finds what the other has left.
 *
 * What chains come to is applied as a set first, because rows may hand unique values on to each other; then, of chains
 * that were refused, entry after entry, so that each comes as far as it can: of all such chains one at a time. Entries
 * that concern more than one key come last and alone.
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
    until: number | null,
  ): Promise<ReplayStep> {
    const { client } = session;
    const { pipeline, documents } = options;
    if (!(await openStateTables(client))) return { replayed: 0, left: 0, until: 0, next: null };
    await mendParked(client, options, selection, after, until);
    await client.query('BEGIN');
    await client.query(holdLanesPatiently(pipeline));
    const prepare = parkedDocuments(client, documents);
    const page = await ParkedPage.read(client, pipeline, selection, after, until, prepare);
    // The next page may meet tables that were mended meanwhile.
    documents.forgetAll();
    const replay = new ParkedReplay(session, options, page);
    const chains = page.plainChains();
    await replay.#asSets(chains.filter(({ isFree }) => isFree));
    await replay.#inRounds(chains);
    await replay.#oneByOne();
    const settled = page.settled();
    if (settled !== null) await client.query(settleParked(pipeline, settled));
    await giveReasons(client, page.reasons());
    const next = await page.next(client);
    await client.query(clearMark(pipeline));
    await commit(session);
    return { ...page.result(), next };
  }

  async #asSets(chains: readonly ChainEntries[]): Promise<void> {
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
    const target = await this.#targetOf(relation);
    const failed = new Map<ChainEntries, WeirError>();
    for (const chain of chains) {
      const problem =
        target instanceof WeirError ? target : chain.entries.find((each) => each.problem)?.problem;
      if (problem !== undefined) failed.set(chain, problem);
    }
    if (!(target instanceof WeirError)) {
      const chainOf = new Map<Unit, ChainEntries>();
      for (const chain of chains.filter((each) => !failed.has(each)))
        for (const { kind, bytes } of foldChain(relation, chain.entries.map(toUnit)))
          chainOf.set({ kind, bytes }, chain);
      const units = [...chainOf.keys()];
      for (const { unit, error } of await applyCarefully(
        this.#session,
        target,
        relation,
        units,
        REFUSED_OR_NOT_READY,
      ))
        failed.set(chainOf.get(unit)!, error);
    }
    for (const chain of chains) {
      const error = failed.get(chain);
      if (error === undefined) this.#page.succeed(...chain.entries);
      else if (chain.entries.length === 1) this.#page.fail(chain.entries[0]!, reasonOf(error));
    }
  }

  async #inRounds(chains: readonly ChainEntries[]): Promise<void> {
    const rest = chains.map((chain) => ({ chain, entries: [...chain.entries] }));
    for (;;) {
      const round = rest.flatMap(({ chain, entries }) => {
        const at = entries.findIndex((entry) => this.#page.mayTry(entry));
        return at < 0 ? [] : [{ ...chain, entries: entries.splice(0, at + 1).slice(at) }];
      });
      if (round.length === 0) return;
      await this.#asSets(round);
    }
  }

  async #oneByOne(): Promise<void> {
    for (const entry of this.#page.entries) {
      if (!this.#page.mayTry(entry)) continue;
      const target = await this.#targetOf(entry.relation);
      const problem = target instanceof WeirError ? target : entry.problem;
      const error = problem ?? (await this.#attempt(target as WriteTarget, entry));
      if (error === null) this.#page.succeed(entry);
      else this.#page.fail(entry, reasonOf(error));
    }
  }

  async #attempt(target: WriteTarget, entry: PageEntry): Promise<WeirError | null> {
    const { kind, key, tuple, relation } = entry;
    const session = this.#session;
    if (kind === 'move') {
      const move = { key: key!, row: tuple! };
      return attemptMove(session, target, move, REFUSED_OR_NOT_READY);
    }
    const unit = toUnit(entry);
    const error = await attemptUnits(session, target, relation, [unit], REFUSED_OR_NOT_READY);
    return error ?? this.#takeFromElsewhere(entry, keyOfUnit(relation, unit));
  }

  async #takeFromElsewhere(entry: PageEntry, key: Buffer | null): Promise<WeirError | null> {
    if (key === null) return null;
    for (const relation of entry.elsewhere ?? []) {
      const target = await this.#targetOf(relation);
      if (target instanceof WeirError) return target;
      const units: Unit[] = [{ kind: 'delete', bytes: key }];
      const error = await attemptUnits(this.#session, target, relation, units);
      if (error !== null) return error;
    }
    return null;
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

/** Entries that were tried and stay are told why by now. */
async function giveReasons(client: ClientBase, reasons: ReadonlyMap<number, string>) {
  if (reasons.size === 0) return;
  await client.query(
    `UPDATE weir.parked p SET reason = r.reason FROM unnest($1::bigint[], $2::text[]) r (id, reason) WHERE p.id = r.id`,
    [[...reasons.keys()], [...reasons.values()]],
  );
}

function toUnit({ kind, key, tuple }: PageEntry): Unit {
  if (kind === 'move') throw new TypeError('a move is not a change of one key');
  return { kind, bytes: kind === 'delete' ? key! : tuple! };
}
