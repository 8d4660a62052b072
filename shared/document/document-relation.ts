import type { Relation } from '../change/relation.ts';
import { columnOffsets } from '../change/tuple.ts';
import { bsonOfBytes } from '../row/key-form/bson-form.ts';
import { mostBytes } from '../row/key-form/write-form.ts';

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
    route: [{ column: 0, form: 'bson' }],
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

/**
 * What a key is called in maps: keys that are equal have one name, though their ids may be of other types, as a peer gives an
 * int64 in a change whose document has an int32.
 */
export function documentKeyName(key: Buffer): string {
  const most = mostBytes(key.length, 1);
  if (scratch.length < most) scratch = Buffer.allocUnsafeSlow(2 * most);
  return scratch.toString('latin1', 0, bsonOfBytes(scratch, 0, key, 4, key.length));
}

/** The same for keys of any relation; they are their bytes where they are no ids of documents. */
export function keyNameOf(relation: Relation, key: Buffer): string {
  return isDocumentRelation(relation) ? documentKeyName(key) : key.toString('latin1');
}

let scratch = Buffer.allocUnsafeSlow(256);

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
