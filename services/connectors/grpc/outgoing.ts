import {
  type BsonValue,
  DataType,
  type Update,
  UpdateType,
} from '../../../proto/gen/adiom/v1/adiom.ts';
import type { Relation } from '../../../shared/change/relation.ts';
import { readFields, toDocumentId } from '../../../shared/document/document-id.ts';
import {
  fromDocumentKey,
  fromDocumentRow,
  isDocumentRelation,
} from '../../../shared/document/document-relation.ts';
import { patchSteps } from '../../../shared/document/patch.ts';
import { toDocument, toId } from '../../../shared/document/to-document.ts';
import { keyOf } from '../../../shared/change/tuple.ts';
import { documentToJson } from './document-json.ts';

/** Of a document without fields. */
const EMPTY_BYTES = 5;

/** Rows of one relation as the peer takes them: documents as they are, tuples of text as documents. */
export class Outgoing {
  readonly #relation: Relation;
  readonly #isJson: boolean;
  readonly #ofDocuments: boolean;

  constructor(relation: Relation, dataType: DataType) {
    this.#relation = relation;
    this.#isJson = dataType === DataType.DATA_TYPE_JSON_ID;
    this.#ofDocuments = isDocumentRelation(relation);
  }

  document(row: Buffer): Uint8Array {
    return this.#encoded(
      this.#ofDocuments ? fromDocumentRow(row).document : toDocument(this.#relation, row),
    );
  }

  upsert(row: Buffer): Update {
    const id = this.#id(keyOf(row, this.#relation.key));
    const type = UpdateType.UPDATE_TYPE_UPDATE;
    return { id, type, data: this.document(row), partialUpdateUnset: [] };
  }

  delete(key: Buffer): Update {
    const type = UpdateType.UPDATE_TYPE_DELETE;
    return { id: this.#id(key), type, data: new Uint8Array(), partialUpdateUnset: [] };
  }

  /** What is to be done one after the other; a peer may look at the last update of an id in a request only. */
  partial(row: Buffer): Update[] {
    const id = this.#id(keyOf(row, this.#relation.key));
    const type = UpdateType.UPDATE_TYPE_PARTIAL_UPDATE;
    if (!this.#ofDocuments) {
      const fields = readFields(toDocument(this.#relation, row)).filter(
        ({ name }) => name !== '_id',
      );
      const data = this.#encoded(toDocumentId(fields), false);
      return [{ id, type, data, partialUpdateUnset: [] }];
    }
    // A step of the transforms may have left nothing of it, and many stores refuse to set nothing.
    return patchSteps(fromDocumentRow(row).document)
      .filter(({ set, unset }) => set.length > EMPTY_BYTES || unset.length > 0)
      .map(({ set, unset }) => {
        return { id, type, data: this.#encoded(set, false), partialUpdateUnset: unset };
      });
  }

  #encoded(document: Uint8Array, whole = true): Uint8Array {
    if (!this.#isJson) return document;
    return documentToJson(this.#relation.namespace, document, whole);
  }

  #id(key: Buffer): BsonValue[] {
    const parts = this.#ofDocuments
      ? readFields(fromDocumentKey(key))
      : [toId(this.#relation, key)];
    if (!this.#isJson || parts.length !== 1 || parts[0]!.name !== '_id') return parts;
    return [{ ...parts[0]!, name: 'id' }];
  }
}
