import type { Relation } from '../change/relation.ts';
import { columnOffsets } from '../change/tuple.ts';

const ID_TYPE = 'bson.id';
const DOCUMENT_TYPE = 'bson.document';

/**
 * Documents as rows (`DOCUMENTS`): the column `_id` is the key, a BSON document of the id's parts in their order (one
 * part called `_id` as a rule), and `document` the whole document, its `_id` too. A row that is partial has in
 * `document` what changes of it: see `patch.ts`.
 */
export function documentRelation(namespace: string): Relation {
  return {
    namespace,
    columns: [
      { name: '_id', type: ID_TYPE, encoding: 'binary' },
      { name: 'document', type: DOCUMENT_TYPE, encoding: 'binary' },
    ],
    key: [0],
    identity: 'key',
    order: 'key',
  };
}

export function isDocumentRelation({ columns }: Relation): boolean {
  return columns.length === 2 && columns[0]!.type === ID_TYPE && columns[1]!.type === DOCUMENT_TYPE;
}

/** A row (`tuple.ts`). New bytes. */
export function toDocumentRow(id: Uint8Array, document: Uint8Array): Buffer {
  const row = Buffer.allocUnsafe(2 + 4 + id.length + 4 + document.length);
  row.writeUInt16BE(2, 0);
  row.writeInt32BE(id.length, 2);
  row.set(id, 6);
  row.writeInt32BE(document.length, 6 + id.length);
  row.set(document, 10 + id.length);
  return row;
}

/** The key of a row with that id. New bytes. */
export function toDocumentKey(id: Uint8Array): Buffer {
  const key = Buffer.allocUnsafe(4 + id.length);
  key.writeInt32BE(id.length, 0);
  key.set(id, 4);
  return key;
}

/** Views of the row. */
export function fromDocumentRow(row: Buffer): { id: Buffer; document: Buffer } {
  const [id, document, end] = columnOffsets(row);
  return { id: row.subarray(id! + 4, document), document: row.subarray(document! + 4, end) };
}

/** A view of the key. */
export function fromDocumentKey(key: Buffer): Buffer {
  return key.subarray(4);
}
