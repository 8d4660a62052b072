import type { Relation } from '../../../../../shared/change/relation.ts';
import { keyOf, toTuple } from '../../../../../shared/change/tuple.ts';
import { TupleSplitter } from '../../../../../shared/change/tuple-splitter.ts';
import {
  type IdPart,
  readFields,
  toDocumentId,
} from '../../../../../shared/document/document-id.ts';
import {
  fromDocumentKey,
  fromDocumentRow,
} from '../../../../../shared/document/document-relation.ts';
import { fromDocument, fromId } from '../../../../../shared/document/from-document.ts';
import { patchSteps } from '../../../../../shared/document/patch.ts';
import {
  idText,
  isWholeDocumentRelation,
  wholeDocumentTexts,
} from '../../../../../shared/document/whole-document.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';

import type { UnconvertedDocument } from './unconverted-document.ts';
import { shapeOf, toChain, type Unit } from '../../../../../shared/state/quarantine/change-unit.ts';

/** Makes rows of text of documents (`document-relation.ts`), as `writtenRelation` has them. */
export class DocumentRows {
  readonly relation: Relation;
  readonly isWhole: boolean;

  constructor(relation: Relation) {
    this.relation = relation;
    this.isWhole = isWholeDocumentRelation(relation);
  }

  row(row: Buffer): Buffer {
    const { document } = fromDocumentRow(row);
    if (!this.isWhole) return fromDocument(this.relation, document, { absent: 'null' });
    return this.ofDocument(document);
  }

  /** A row of the table that keeps whole documents. */
  ofDocument(document: Uint8Array): Buffer {
    return toTuple(wholeDocumentTexts(this.relation, document));
  }

  key(key: Buffer): Buffer {
    return this.#keyOf(readFields(fromDocumentKey(key)));
  }

  /** The row with what a partial update leaves out as unchanged; not for whole documents. */
  partial(row: Buffer): Buffer {
    const { id, document: patch } = fromDocumentRow(row);
    const set = new Map<string, IdPart>();
    const unset = new Set<string>();
    for (const step of patchSteps(patch)) {
      for (const path of step.unset) {
        this.#refusePath(path);
        set.delete(path);
        unset.add(path);
      }
      for (const field of readFields(step.set)) {
        this.#refusePath(field.name);
        set.set(field.name, field);
        unset.delete(field.name);
      }
    }
    const parts = readFields(id).filter(({ name }) => !set.has(name));
    return fromDocument(this.relation, toDocumentId([...parts, ...set.values()]), {
      absent: 'unchanged',
      unset: [...unset],
    });
  }

  /** The rows of a chunk, which comes cut anywhere; `onMisfit` gets those that cannot become one. */
  async *chunk(
    came: Relation,
    parts: AsyncIterable<Buffer>,
    onMisfit: (misfit: UnconvertedDocument) => Promise<void>,
  ): AsyncGenerator<Buffer> {
    const splitter = new TupleSplitter();
    for await (const part of parts) {
      const rows: Buffer[] = [];
      for (const bytes of splitter.take(part)) {
        const row = this.fit(came, { kind: 'upsert', bytes });
        if (Buffer.isBuffer(row)) rows.push(row);
        else await onMisfit(row);
      }
      if (rows.length > 0) yield Buffer.concat(rows);
    }
  }

  /** What a unit of documents is as it is written, or what is wrong with it. New bytes. */
  fit(came: Relation, { kind, bytes }: Unit): Buffer | UnconvertedDocument {
    try {
      if (kind === 'delete') return this.key(bytes);
      return kind === 'upsert' ? this.row(bytes) : this.partial(bytes);
    } catch (error) {
      if (!(error instanceof WeirError) || error.code !== 'ROW_REFUSED') throw error;
      const place = this.placeOf(came, kind === 'delete' ? bytes : keyOf(bytes, came.key));
      return { kind, bytes: Buffer.from(bytes), relation: came, place, error };
    }
  }

  /** The chain of a key that came so: that of the key as it is written; no row has a key that does not fit. */
  placeOf(came: Relation, key: Buffer): { chain: Buffer; shape: string } {
    const written = this.#fittingKey(key);
    const chain = written === null ? toChain(came, key) : toChain(this.relation, written);
    return { chain, shape: shapeOf(this.relation) };
  }

  #fittingKey(key: Buffer): Buffer | null {
    try {
      return this.key(key);
    } catch (error) {
      if (error instanceof WeirError && error.code === 'ROW_REFUSED') return null;
      throw error;
    }
  }

  #keyOf(parts: readonly IdPart[]): Buffer {
    if (!this.isWhole) return fromId(this.relation, [...parts]);
    const id = parts.length === 1 ? parts[0] : parts.find(({ name }) => name === '_id');
    if (id === undefined)
      throw new WeirError(
        'NOT_SUPPORTED',
        `the ids of ${this.relation.namespace} have several parts and none is called _id; create the table at the target with a primary key of columns named after them`,
      );
    const value = idText(this.relation, toDocumentId([{ ...id, name: '_id' }]));
    return keyOf(toTuple([value, null]), this.relation.key);
  }

  #refusePath(path: string): void {
    const { namespace, columns } = this.relation;
    if (!path.includes('.') || columns.some(({ name }) => name === path)) return;
    throw new WeirError(
      'ROW_REFUSED',
      `a partial update of ${namespace} changes something inside the field ${path.split('.')[0]}, which a column cannot take; let the source send whole documents`,
    );
  }
}
