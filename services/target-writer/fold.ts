import type { RecordCursor } from '../../shared/change/change-record.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { fillUnchanged, hasUnchanged } from '../../shared/change/tuple.ts';
import { documentKeyName, isDocumentRelation } from '../../shared/document/document-relation.ts';
import { foldDocumentRows } from '../../shared/document/fold-rows.ts';
import type { NetChanges } from '../../shared/connector/sink.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';

/** A change as `RecordCursor` shows it: views are made where they are asked for. */
export type FoldedChange = Pick<RecordCursor, 'key' | 'keyName' | 'row' | 'partial'>;

/**
 * Reduces the changes of one relation, in order, to what they come to: for each key its last state. Keeps views of
 * the frames the changes came in, so those must live as long as the result.
 */
export class Fold {
  readonly relation: Relation;
  readonly #ofDocuments: boolean;
  /**
   * By the bytes of the key, each as a character; of documents by what equal ids have in common. Of rows whose equal keys
   * may differ in bytes the first will do: one gets another spelling by a delete and an insert, so that one of them at most
   * is left in the end, and deletes are applied before rows.
   */
  readonly #keys = new Map<string, Last>();
  /** As they came last. */
  readonly #documentKeys = new Map<string, Buffer>();
  readonly #rows = new Map<string, { row: Buffer; count: number }>();
  readonly #inserts: Buffer[] = [];

  constructor(relation: Relation) {
    this.relation = relation;
    this.#ofDocuments = isDocumentRelation(relation);
  }

  add(kind: ChangeKind, change: FoldedChange): void {
    switch (this.relation.identity) {
      case 'none':
        this.#inserts.push(change.row);
        return;
      case 'row':
        this.#addEqualRow(change.key, kind === 'delete' ? -1 : 1);
        return;
      case 'key':
        if (this.#ofDocuments) this.#addDocument(kind, change);
        else if (kind === 'delete') this.#addKeyed(kind, change.keyName, null, false);
        else this.#addKeyed(kind, change.keyName, change.row, change.partial);
    }
  }

  net(): NetChanges {
    const fresh: Buffer[] = [];
    const others: Buffer[] = [...this.#inserts];
    const partials: Buffer[] = [];
    const deletes: Buffer[] = [];
    const passed: Buffer[] = [];
    for (const { row, count } of this.#rows.values()) {
      for (let i = 0; i < count; i++) others.push(row);
      for (let i = 0; i > count; i--) deletes.push(row);
    }
    for (const [name, { row, partial, isFresh }] of this.#keys) {
      const key = this.#documentKeys.get(name);
      if (row === null) (isFresh ? passed : deletes).push(key ?? Buffer.from(name, 'latin1'));
      else (partial ? partials : isFresh ? fresh : others).push(row);
    }
    const upserts = fresh.length === 0 ? others : fresh.concat(others);
    return {
      relation: this.relation,
      upserts,
      fresh: fresh.length,
      partial: partials,
      deletes: deletes.concat(passed),
      passed: passed.length,
    };
  }

  #addDocument(kind: ChangeKind, { key, row, partial }: FoldedChange): void {
    const name = documentKeyName(key);
    this.#documentKeys.set(name, key);
    if (kind === 'delete') this.#addKeyed(kind, name, null, false);
    else this.#addKeyed(kind, name, row, partial);
  }

  #addKeyed(kind: ChangeKind, name: string, row: Buffer | null, partial: boolean): void {
    const last = this.#keys.get(name);
    if (last === undefined) {
      this.#keys.set(name, { row, partial, isFresh: kind === 'insert' });
    } else if (row !== null && partial && last.row !== null) {
      if (this.#ofDocuments) last.row = foldDocumentRows(row, last.row, last.partial);
      else {
        last.row = fillUnchanged(row, last.row);
        last.partial = last.partial && hasUnchanged(last.row);
      }
    } else {
      last.row = row;
      last.partial = partial;
    }
  }

  /** Equal rows are interchangeable: only how many come or go in total matters. */
  #addEqualRow(row: Buffer, step: 1 | -1): void {
    const name = row.toString('latin1');
    const entry = this.#rows.get(name);
    if (entry === undefined) this.#rows.set(name, { row, count: step });
    else entry.count += step;
  }
}

interface Last {
  /** Null: deleted. */
  row: Buffer | null;
  partial: boolean;
  /** Its first change was an insert. */
  isFresh: boolean;
}
