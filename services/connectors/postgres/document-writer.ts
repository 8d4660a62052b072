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
import { writtenRelation } from './document-table.ts';
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

  async chunk(
    client: ClientBase,
    chunk: ChunkHead,
    parts: AsyncIterable<Buffer>,
  ): Promise<{ chunk: ChunkHead; parts: AsyncIterable<Buffer>; repeats: boolean }> {
    if (!isDocumentRelation(chunk.relation)) return { chunk, parts, repeats: false };
    const rows = await this.#rowsOf(client, chunk.relation);
    return {
      chunk: { ...chunk, relation: rows.relation, dataType: TUPLES },
      parts: rows.chunk(parts),
      repeats: true,
    };
  }

  async batch(client: ClientBase, batch: LaneBatch): Promise<LaneBatch> {
    const changes: NetChanges[] = [];
    const originals = new Map<string, Map<string, string>>();
    for (const each of batch.changes) {
      if (!isDocumentRelation(each.relation)) {
        changes.push(each);
        continue;
      }
      const rows = await this.#rowsOf(client, each.relation);
      try {
        changes.push(await this.#changes(client, rows, each));
      } catch (error) {
        this.forget(each.relation.namespace);
        throw error;
      }
      originals.set(each.relation.namespace, originalKeys(rows, each));
    }
    const { originsOf } = batch;
    if (originsOf === undefined) return { ...batch, changes };
    return {
      ...batch,
      changes,
      originsOf: (namespace, keys) => {
        const original = originals.get(namespace);
        if (original === undefined) return originsOf(namespace, keys);
        const asked = new Map([...keys].map((key) => [original.get(key) ?? key, key]));
        const found = originsOf(namespace, new Set(asked.keys()));
        return new Map([...found].map(([key, origin]) => [asked.get(key)!, origin]));
      },
    };
  }

  /** The table has changed, or may have. */
  forget(namespace: string): void {
    this.#rows.delete(namespace);
  }

  async #changes(
    client: ClientBase,
    rows: DocumentRows,
    { upserts, partial, deletes }: NetChanges,
  ): Promise<NetChanges> {
    const { relation } = rows;
    const whole = upserts.map((row) => rows.row(row));
    const gone = deletes.map((key) => rows.key(key));
    if (!rows.isWhole)
      return {
        relation,
        upserts: whole,
        partial: partial.map((row) => rows.partial(row)),
        deletes: gone,
      };
    if (partial.length > 0 && this.#onBadRow === 'park')
      throw new WeirError(
        'NOT_SUPPORTED',
        `${relation.namespace} gets partial updates of documents, which cannot wait behind parked ones; use onBadRow: stop, or a source that gives documents by their ids`,
      );
    whole.push(...(await this.#patched(client, rows, partial)));
    return { relation, upserts: whole, partial: [], deletes: gone };
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

/** By the key as it is written: the key as it came. */
function originalKeys(
  rows: DocumentRows,
  { upserts, partial, deletes }: NetChanges,
): Map<string, string> {
  const keys = new Map<string, string>();
  const note = (key: Buffer): void =>
    void keys.set(rows.key(key).toString('latin1'), key.toString('latin1'));
  for (const key of deletes) note(key);
  for (const row of [...upserts, ...partial]) note(keyOf(row, [0]));
  return keys;
}
