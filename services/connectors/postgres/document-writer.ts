import type { ClientBase } from 'pg';
import type { Relation, RelationPlan } from '../../../shared/change/relation.ts';
import { keyOf } from '../../../shared/change/tuple.ts';
import { TUPLES } from '../../../shared/connector/data-type.ts';
import type { ChunkHead, LaneBatch, NetChanges } from '../../../shared/connector/sink.ts';
import { fromDocumentRow, isDocumentRelation } from '../../../shared/document/document-relation.ts';
import { applyPatch } from '../../../shared/document/patch.ts';
import { fromExtendedJson } from '../../../shared/document/whole-document.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { DocumentRows } from './document-rows.ts';
import type { CopiedMisfits } from './copied-misfits.ts';
import { writtenRelation } from './document-table.ts';
import { type MisfitDocument, toMisfitAside } from './misfit-document.ts';
import { oneOf, type PlaceOf } from './parked-aside.ts';
import {
  keyOfUnit,
  nameOf,
  shapeOf,
  toChain,
  toNetChanges,
  type Unit,
  unitsOf,
} from './parked-chain.ts';
import { BEHIND, parkedAmong, type Aside } from './parked-entries.ts';
import type { PageEntry } from './parked-page.ts';
import type { TargetNames } from './target-names.ts';
import { readTargetTable } from './target-table.ts';

export interface DocumentWriterOptions {
  pipeline: string;
  onBadRow: 'stop' | 'park';
}

/** How rows of a chunk that a step failed for are put aside. */
export interface FailedAs {
  relation: Relation;
  placeOf: PlaceOf;
}

/** Turns what comes as documents into rows of the target's tables, before it is written like any other. */
export class DocumentWriter {
  readonly #names: TargetNames;
  readonly #onBadRow: 'stop' | 'park';
  readonly #pipeline: string;
  readonly #rows = new Map<string, DocumentRows>();

  constructor(names: TargetNames, { pipeline, onBadRow }: DocumentWriterOptions) {
    this.#names = names;
    this.#pipeline = pipeline;
    this.#onBadRow = onBadRow;
  }

  static concerns({ changes, held = [] }: LaneBatch): boolean {
    return [...changes, ...held].some(({ relation }) => isDocumentRelation(relation));
  }

  async plans(client: ClientBase, plans: readonly RelationPlan[]): Promise<RelationPlan[]> {
    const written: RelationPlan[] = [];
    for (const plan of plans)
      written.push(
        isDocumentRelation(plan.relation)
          ? { relation: (await this.#read(client, plan.relation)).relation, definition: null }
          : plan,
      );
    return written;
  }

  /** `misfits` gets the documents that cannot become rows, while the parts are read. */
  async chunk(
    client: ClientBase,
    chunk: ChunkHead,
    parts: AsyncIterable<Buffer>,
    misfits: CopiedMisfits,
  ): Promise<{
    chunk: ChunkHead;
    parts: AsyncIterable<Buffer>;
    repeats: boolean;
    asFailed: FailedAs | null;
  }> {
    const { relation } = chunk;
    if (!isDocumentRelation(relation)) return { chunk, parts, repeats: false, asFailed: null };
    const rows = await this.#rowsOf(client, relation);
    return {
      asFailed: { relation, placeOf: (came, key) => rows.placeOf(came, key) },
      chunk: { ...chunk, relation: rows.relation, dataType: TUPLES },
      parts: rows.chunk(chunk.relation, parts, (misfit) => misfits.add(misfit)),
      repeats: true,
    };
  }

  async batch(
    client: ClientBase,
    batch: LaneBatch,
  ): Promise<{ batch: LaneBatch; misfits: Aside[]; placeOf: PlaceOf }> {
    const placeOf = await this.#placer(client, batch);
    const changes: NetChanges[] = [];
    const misfits: Aside[] = [];
    const originals = new Map<string, Map<string, string>>();
    for (const each of batch.changes) {
      if (!isDocumentRelation(each.relation)) {
        changes.push(each);
        continue;
      }
      const converted = await this.#convert(client, each);
      if (converted.misfits.length > 0) {
        this.forget(each.relation.namespace);
        if (this.#onBadRow === 'stop') throw converted.misfits[0]!.error;
      }
      changes.push(converted.changes);
      misfits.push(...converted.misfits.map((misfit) => toAside(batch, misfit)));
      originals.set(each.relation.namespace, converted.originals);
    }
    const { originsOf } = batch;
    if (originsOf === undefined) return { batch: { ...batch, changes }, misfits, placeOf };
    const origins: LaneBatch['originsOf'] = (namespace, keys) => {
      const original = originals.get(namespace);
      if (original === undefined) return originsOf(namespace, keys);
      const asked = new Map([...keys].map((key) => [original.get(key) ?? key, key]));
      const found = originsOf(namespace, new Set(asked.keys()));
      return new Map([...found].map(([key, origin]) => [asked.get(key)!, origin]));
    };
    return { batch: { ...batch, changes, originsOf: origins }, misfits, placeOf };
  }

  async #placer(client: ClientBase, { held = [] }: LaneBatch): Promise<PlaceOf> {
    const known = new Map<Relation, DocumentRows>();
    for (const { relation } of held)
      if (isDocumentRelation(relation)) known.set(relation, await this.#rowsOf(client, relation));
    return (relation, key) =>
      known.get(relation)?.placeOf(relation, key) ?? { chain: toChain(relation, key) };
  }

  /** The chain of a bare key, and what such keys compare as. */
  async placeOf(
    client: ClientBase,
    relation: Relation,
    key: Buffer,
  ): Promise<{ chain: Buffer; shape: string }> {
    if (!isDocumentRelation(relation))
      return { chain: toChain(relation, key), shape: shapeOf(relation) };
    return (await this.#rowsOf(client, relation)).placeOf(relation, key);
  }

  /**
   * For the entries of a page in their order: what an entry of parked documents is as one of rows of its table as that is
   * now, or why it still does not fit.
   */
  entries(client: ClientBase): (entry: PageEntry) => Promise<PageEntry> {
    /** Of each chain the document that the last entry of the page has left. */
    const left = new Map<string, Uint8Array>();
    return async (entry) => {
      const { relation, kind, key, tuple } = entry;
      // What steps failed for is no document of theirs yet.
      if (!isDocumentRelation(relation) || kind === 'move' || entry.untransformed) return entry;
      const rows = await this.#rowsOf(client, relation);
      const written = { ...entry, relation: rows.relation };
      const chain = nameOf(entry.chain!);
      if (rows.isWhole && kind === 'update') {
        const before =
          left.get(chain) ?? (await this.#documentsAt(client, rows, [tuple!])).get(tuple!);
        const { id } = fromDocumentRow(tuple!);
        const document = patchedBy(tuple!, before ?? id);
        left.set(chain, document);
        return { ...written, tuple: rows.ofDocument(document) };
      }
      const fit = rows.fit(relation, { kind, bytes: kind === 'delete' ? key! : tuple! });
      if (kind === 'delete') left.delete(chain);
      else left.set(chain, fromDocumentRow(tuple!).document);
      if (!Buffer.isBuffer(fit)) return { ...written, problem: fit.error };
      return kind === 'delete' ? { ...written, key: fit } : { ...written, tuple: fit };
    };
  }

  /** The table has changed, or may have. */
  forget(namespace: string): void {
    this.#rows.delete(namespace);
  }

  forgetAll(): void {
    this.#rows.clear();
  }

  /** Once more with the table as it is now where something does not fit: it may have got a column a moment ago. */
  async #convert(client: ClientBase, changes: NetChanges): Promise<Converted> {
    try {
      const known = this.#rows.get(changes.relation.namespace);
      const first = await this.#changes(
        client,
        await this.#rowsOf(client, changes.relation),
        changes,
      );
      if (first.misfits.length === 0 || known === undefined) return first;
      this.forget(changes.relation.namespace);
      return await this.#changes(client, await this.#rowsOf(client, changes.relation), changes);
    } catch (error) {
      this.forget(changes.relation.namespace);
      throw error;
    }
  }

  async #changes(client: ClientBase, rows: DocumentRows, net: NetChanges): Promise<Converted> {
    const { relation } = rows;
    const partial = rows.isWhole ? [] : net.partial;
    const whole = rows.isWhole ? net.partial : [];
    const waiting = await this.#waiting(client, rows, net.relation, whole);
    const fitting: Unit[] = [];
    const misfits: MisfitDocument[] = [];
    const originals = new Map<string, string>();
    for (const unit of unitsOf({ ...net, partial })) {
      const fit = rows.fit(net.relation, unit);
      if (!Buffer.isBuffer(fit)) {
        misfits.push(fit);
        continue;
      }
      fitting.push({ kind: unit.kind, bytes: fit });
      const original = keyOfUnit(net.relation, unit)!;
      originals.set(nameOf(rows.key(original)), nameOf(original));
    }
    const changes = toNetChanges(relation, fitting);
    const patches = whole.filter((row) => !waiting.has(row));
    changes.upserts.push(...(await this.#patched(client, rows, patches)));
    misfits.push(...waiting.values());
    return { changes, misfits, originals };
  }

  /**
   * Partial updates of whole documents that are parked, which nobody knows before those are applied: they wait. Of a key
   * only this lane parks anything; where a replay has applied it meanwhile, they are parked by themselves.
   */
  async #waiting(
    client: ClientBase,
    rows: DocumentRows,
    relation: Relation,
    partial: readonly Buffer[],
  ): Promise<Map<Buffer, MisfitDocument>> {
    const waiting = new Map<Buffer, MisfitDocument>();
    if (this.#onBadRow === 'stop' || partial.length === 0) return waiting;
    const places = partial.map((row) => rows.placeOf(relation, keyOf(row, relation.key)));
    const chains = places.map(({ chain }) => chain);
    const parked = await parkedAmong(client, this.#pipeline, chains);
    for (const [nth, row] of partial.entries()) {
      const place = places[nth]!;
      if (!parked.has(nameOf(place.chain))) continue;
      const error = new WeirError('ROW_REFUSED', BEHIND);
      waiting.set(row, { kind: 'update', bytes: Buffer.from(row), relation, place, error });
    }
    return waiting;
  }

  /** Documents as they are at the target, which nobody else changes now, with their patches; missing ones are left out. */
  async #patched(client: ClientBase, rows: DocumentRows, partial: Buffer[]): Promise<Buffer[]> {
    const found = await this.#documentsAt(client, rows, partial);
    return partial.flatMap((row) => {
      const before = found.get(row);
      return before === undefined ? [] : [rows.ofDocument(patchedBy(row, before))];
    });
  }

  /** The documents that the target has under the keys of these rows. */
  async #documentsAt(
    client: ClientBase,
    rows: DocumentRows,
    partial: readonly Buffer[],
  ): Promise<Map<Buffer, Uint8Array>> {
    if (partial.length === 0) return new Map();
    const name = this.#names.ofNamespace(rows.relation.namespace);
    const ids = partial.map((row) => rows.key(keyOf(row, [0])).toString('utf8', 4));
    const found = await client.query<{ place: string; document: string }>(
      `SELECT k.place, t.document::text AS document FROM unnest($1::jsonb[]) WITH ORDINALITY AS k(id, place)
       JOIN ${name.sql} t ON t._id = k.id`,
      [ids],
    );
    return new Map(
      found.rows.map(({ place, document }) => [
        partial[Number(place) - 1]!,
        fromExtendedJson(document),
      ]),
    );
  }

  async #rowsOf(client: ClientBase, relation: Relation): Promise<DocumentRows> {
    let rows = this.#rows.get(relation.namespace);
    if (rows === undefined) {
      rows = await this.#read(client, relation);
      this.#rows.set(relation.namespace, rows);
    }
    return rows;
  }

  async #read(client: ClientBase, relation: Relation): Promise<DocumentRows> {
    const name = this.#names.ofNamespace(relation.namespace);
    const table = await readTargetTable(client, name);
    return new DocumentRows(writtenRelation(relation, name, table));
  }
}

interface Converted {
  changes: NetChanges;
  misfits: MisfitDocument[];
  /** By the key as it is written: the key as it came. */
  originals: Map<string, string>;
}

/** Of a partial row; `before` may be a view. */
function patchedBy(row: Buffer, before: Uint8Array): Uint8Array {
  return applyPatch(before, fromDocumentRow(row).document);
}

function toAside({ after, originsOf }: LaneBatch, misfit: MisfitDocument): Aside {
  const { relation, kind } = misfit;
  const key = nameOf(keyOfUnit(relation, misfit)!);
  const origin = originsOf?.(relation.namespace, new Set([key])).get(key);
  const { position = after.position, counts = oneOf(kind) } = origin ?? {};
  return toMisfitAside(misfit, { copied: false, position, counts });
}
