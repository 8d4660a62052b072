import { DataType, type Update, UpdateType } from '../../../proto/gen/adiom/v1/adiom.ts';
import { idOfDocument, type IdPart, toDocumentId } from '../../../shared/document/document-id.ts';
import { toDocumentKey, toDocumentRow } from '../../../shared/document/document-relation.ts';
import { encodePatch } from '../../../shared/document/patch.ts';
import type { ChangeKind } from '../../../shared/change/change-kind.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { jsonToDocument } from './json-document.ts';

export interface ReceivedChange {
  kind: ChangeKind;
  key: Buffer;
  row: Buffer;
  partial: boolean;
}

const NONE = Buffer.alloc(0);

/** A document of the copy as a row. */
export function toCopiedRow(namespace: string, dataType: DataType, data: Uint8Array): Buffer {
  const document = toBson(namespace, dataType, data);
  return toDocumentRow(idOf(namespace, document), document);
}

export function toReceivedChange(
  namespace: string,
  dataType: DataType,
  update: Update,
): ReceivedChange {
  const { type, data, partialUpdateUnset: unset } = update;
  switch (type) {
    case UpdateType.UPDATE_TYPE_INSERT:
    case UpdateType.UPDATE_TYPE_UPDATE: {
      const document = toBson(namespace, dataType, data);
      const id = update.id.length === 0 ? idOf(namespace, document) : idOfUpdate(dataType, update);
      const kind = type === UpdateType.UPDATE_TYPE_INSERT ? 'insert' : 'update';
      const row = toDocumentRow(id, document);
      return { kind, key: toDocumentKey(id), row, partial: false };
    }
    case UpdateType.UPDATE_TYPE_PARTIAL_UPDATE: {
      const id = idOfUpdate(dataType, update);
      const set = data.length === 0 ? EMPTY : toBson(namespace, dataType, data, false);
      const row = toDocumentRow(id, encodePatch(set, unset));
      return { kind: 'update', key: toDocumentKey(id), row, partial: true };
    }
    case UpdateType.UPDATE_TYPE_DELETE: {
      const key = toDocumentKey(idOfUpdate(dataType, update));
      return { kind: 'delete', key, row: NONE, partial: false };
    }
    default:
      throw new WeirError(
        'SOURCE_UNFIT',
        `the connector sent a change of ${namespace} of type ${type}, which adiom.v1 does not have; it must be an insert, an update, a partial update or a delete`,
      );
  }
}

const EMPTY = Buffer.from([5, 0, 0, 0, 0]);

/** The parts of the id as they came; an empty name stands for `_id`, and `id` of JSON is what `_id` is elsewhere. */
function idOfUpdate(dataType: DataType, { id }: Update): Buffer {
  if (id.length === 0)
    throw new WeirError(
      'SOURCE_UNFIT',
      'the connector sent a change without an id; each change must say which document it is of',
    );
  const isJson = dataType === DataType.DATA_TYPE_JSON_ID;
  const parts = id.map(({ name, type, data }): IdPart => {
    const plain = name === '' || (isJson && id.length === 1 && name === 'id');
    return { name: plain ? '_id' : name, type, data };
  });
  return toDocumentId(parts);
}

function idOf(namespace: string, document: Uint8Array): Buffer {
  const id = idOfDocument(document);
  if (id === null) throw notADocument(namespace);
  return id;
}

function toBson(namespace: string, dataType: DataType, data: Uint8Array, whole = true): Uint8Array {
  if (dataType === DataType.DATA_TYPE_JSON_ID) return jsonToDocument(namespace, data, whole);
  const bytes = Buffer.isBuffer(data)
    ? data
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length < 5 || bytes.readInt32LE(0) !== bytes.length) throw notADocument(namespace);
  return bytes;
}

function notADocument(namespace: string): WeirError {
  return new WeirError(
    'SOURCE_UNFIT',
    `the connector sent something as a document of ${namespace} that is none: it must be BSON with an _id`,
  );
}
