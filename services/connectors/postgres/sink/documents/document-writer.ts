import type { ClientBase } from 'pg';
import type { Relation, RelationPlan } from '../../../../../shared/change/relation.ts';
import { TUPLES } from '../../../../../shared/connector/data-type.ts';
import type { ChunkHead, LaneBatch, NetChanges } from '../../../../../shared/connector/sink.ts';
import { isDocumentRelation } from '../../../../../shared/document/document-relation.ts';
import { DocumentRows } from './document-rows.ts';
import type { UnconvertedDocuments } from './unconverted-documents.ts';
import { writtenRelation } from './document-table.ts';
import { type UnconvertedDocument, toUnconvertedAside } from './unconverted-document.ts';
import { oneOf, type PlaceOf, type Aside } from '../../../../../shared/state/quarantine/aside.ts';
import {
  keyOfUnit,
  nameOf,
  shapeOf,
  toChain,
  toNetChanges,
  type Unit,
  unitsOf,
} from '../../../../../shared/state/quarantine/change-unit.ts';
import type { TargetName, TargetNames } from '../target/target-names.ts';
import { readTargetTable } from '../target/target-table.ts';
import { documentsAt, patchedBy, waitingPatches } from './whole-documents.ts';

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
    misfits: UnconvertedDocuments,
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

  /** How the table of documents is written as it is now. */
  rowsOf(client: ClientBase, relation: Relation): Promise<DocumentRows> {
    return this.#rowsOf(client, relation);
  }

  /** The name of that table. */
  nameOf({ namespace }: Relation): TargetName {
    return this.#names.ofNamespace(namespace);
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
    const waiting =
      this.#onBadRow === 'park'
        ? await waitingPatches(client, this.#pipeline, rows, net.relation, whole)
        : new Map<Buffer, UnconvertedDocument>();
    const fitting: Unit[] = [];
    const misfits: UnconvertedDocument[] = [];
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
    const before = await documentsAt(client, this.nameOf(relation), rows, patches);
    // Those that the target does not have are left out.
    for (const [row, document] of before)
      changes.upserts.push(rows.ofDocument(patchedBy(row, document)));
    misfits.push(...waiting.values());
    return { changes, misfits, originals };
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
  misfits: UnconvertedDocument[];
  /** By the key as it is written: the key as it came. */
  originals: Map<string, string>;
}

function toAside({ after, originsOf }: LaneBatch, misfit: UnconvertedDocument): Aside {
  const { relation, kind } = misfit;
  const key = nameOf(keyOfUnit(relation, misfit)!);
  const origin = originsOf?.(relation.namespace, new Set([key])).get(key);
  const { position = after.position, counts = oneOf(kind) } = origin ?? {};
  return toUnconvertedAside(misfit, { copied: false, position, counts });
}
