import { BSON } from 'bson';
import type { ClientBase } from 'pg';
import type { Relation, RelationPlan } from '../../../shared/change/relation.ts';
import { keyOf } from '../../../shared/change/tuple.ts';
import { TUPLES } from '../../../shared/connector/data-type.ts';
import type { ChunkHead, LaneBatch, NetChanges } from '../../../shared/connector/sink.ts';
import { fromDocumentRow, isDocumentRelation } from '../../../shared/document/document-relation.ts';
import { applyPatch } from '../../../shared/document/patch.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { DocumentRows } from './document-rows.ts';
import type { CopiedMisfits } from './copied-misfits.ts';
import { writtenRelation } from './document-table.ts';
import { type MisfitDocument, toMisfitAside } from './misfit-document.ts';
import { oneOf } from './parked-aside.ts';
import { keyOfUnit, nameOf, toNetChanges, type Unit, unitsOf } from './parked-chain.ts';
import type { Aside } from './parked-entries.ts';
import type { PageEntry } from './parked-page.ts';
import type { TargetNames } from './target-names.ts';
import { readTargetTable } from './target-table.ts';

/** Turns what comes as documents into rows of the target's tables, before it is written like any other. */
export class DocumentWriter {
  readonly #names: TargetNames;
  readonly #onBadRow: 'stop' | 'park';
  readonly #rows = new Map<string, DocumentRows>();

  constructor(names: TargetNames, onBadRow: 'stop' | 'park') {
    this.#names = names;
    this.#onBadRow = onBadRow;
  }

  static concerns({ changes }: LaneBatch): boolean {
    return changes.some(({ relation }) => isDocumentRelation(relation));
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
  ): Promise<{ chunk: ChunkHead; parts: AsyncIterable<Buffer>; repeats: boolean }> {
    if (!isDocumentRelation(chunk.relation)) return { chunk, parts, repeats: false };
    const rows = await this.#rowsOf(client, chunk.relation);
    return {
      chunk: { ...chunk, relation: rows.relation, dataType: TUPLES },
      parts: rows.chunk(chunk.relation, parts, (misfit) => misfits.add(misfit)),
      repeats: true,
    };
  }

  async batch(
    client: ClientBase,
    batch: LaneBatch,
  ): Promise<{ batch: LaneBatch; misfits: Aside[] }> {
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
    if (originsOf === undefined) return { batch: { ...batch, changes }, misfits };
    const origins: LaneBatch['originsOf'] = (namespace, keys) => {
      const original = originals.get(namespace);
      if (original === undefined) return originsOf(namespace, keys);
      const asked = new Map([...keys].map((key) => [original.get(key) ?? key, key]));
      const found = originsOf(namespace, new Set(asked.keys()));
      return new Map([...found].map(([key, origin]) => [asked.get(key)!, origin]));
    };
    return { batch: { ...batch, changes, originsOf: origins }, misfits };
  }

  /** An entry of parked documents as one of rows of its table as that is now, or why it still does not fit. */
  async entry(client: ClientBase, entry: PageEntry): Promise<PageEntry> {
    const { relation, kind, key, tuple } = entry;
    // What steps failed for is no document of theirs yet.
    if (!isDocumentRelation(relation) || kind === 'move' || entry.untransformed) return entry;
    const rows = await this.#rowsOf(client, relation);
    const fit = rows.fit(relation, { kind, bytes: kind === 'delete' ? key! : tuple! });
    const written = { ...entry, relation: rows.relation };
    if (!Buffer.isBuffer(fit)) return { ...written, problem: fit.error };
    return kind === 'delete' ? { ...written, key: fit } : { ...written, tuple: fit };
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
    if (rows.isWhole && net.partial.length > 0 && this.#onBadRow === 'park')
      throw new WeirError(
        'NOT_SUPPORTED',
        `${relation.namespace} gets partial updates of documents, which cannot wait behind parked ones; use onBadRow: stop, or a source that gives documents by their ids`,
      );
    const partial = rows.isWhole ? [] : net.partial;
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
    if (rows.isWhole) changes.upserts.push(...(await this.#patched(client, rows, net.partial)));
    return { changes, misfits, originals };
  }

  /** Documents as they are at the target, which nobody else changes now, with their patches; missing ones are left out. */
  async #patched(client: ClientBase, rows: DocumentRows, partial: Buffer[]): Promise<Buffer[]> {
    if (partial.length === 0) return [];
    const name = this.#names.ofNamespace(rows.relation.namespace);
    const ids = partial.map((row) => rows.key(keyOf(row, [0])).toString('utf8', 4));
    const found = await client.query<{ place: string; document: string }>(
      `SELECT k.place, t.document::text AS document FROM unnest($1::jsonb[]) WITH ORDINALITY AS k(id, place)
       JOIN ${name.sql} t ON t._id = k.id`,
      [ids],
    );
    return found.rows.map(({ place, document }) => {
      const { document: patch } = fromDocumentRow(partial[Number(place) - 1]!);
      const before = BSON.serialize(
        BSON.EJSON.parse(document, { relaxed: false }) as Record<string, unknown>,
      );
      return rows.ofDocument(applyPatch(before, patch));
    });
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

function toAside({ after, originsOf }: LaneBatch, misfit: MisfitDocument): Aside {
  const { relation, kind } = misfit;
  const key = nameOf(keyOfUnit(relation, misfit)!);
  const origin = originsOf?.(relation.namespace, new Set([key])).get(key);
  const { position = after.position, counts = oneOf(kind) } = origin ?? {};
  return toMisfitAside(misfit, { copied: false, position, counts });
}
