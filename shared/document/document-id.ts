import { type BsonElement, BsonError, findElement, readElements } from './bson-reader.ts';

/** One part of an id: a BSON value without type and name, its type, and the field it is of. */
export interface IdPart {
  name: string;
  type: number;
  data: Uint8Array;
}

/** The id as a BSON document of its parts, in their order. New bytes. */
export function toDocumentId(parts: readonly IdPart[]): Buffer {
  const names = parts.map(({ name }) => Buffer.from(name));
  const length = parts.reduce((sum, { data }, i) => sum + 2 + names[i]!.length + data.length, 5);
  const id = Buffer.alloc(length);
  id.writeInt32LE(length, 0);
  let at = 4;
  for (const [i, { type, data }] of parts.entries()) {
    id[at++] = type;
    at += names[i]!.copy(id, at) + 1;
    id.set(data, at);
    at += data.length;
  }
  return id;
}

/** The parts of an id, or all fields of any document; views. Throws `BsonError` where it is none. */
export function readFields(document: Uint8Array): IdPart[] {
  const bytes = toBuffer(document);
  return [...readElements(bytes)].map((element) => toPart(bytes, element));
}

/** The id of a whole document: its `_id`. Null where it has none, or is no BSON as far as it was read. New bytes. */
export function idOfDocument(document: Uint8Array): Buffer | null {
  const bytes = toBuffer(document);
  try {
    const id = findElement(bytes, ID);
    if (id === null) return null;
    // A document of this element alone.
    const alone = Buffer.allocUnsafe(4 + (id.to - id.at) + 1);
    alone.writeInt32LE(alone.length, 0);
    bytes.copy(alone, 4, id.at, id.to);
    alone[alone.length - 1] = 0;
    return alone;
  } catch (error) {
    if (!(error instanceof BsonError)) throw error;
    return null;
  }
}

const ID = Buffer.from('_id');

function toPart(bytes: Buffer, { name, type, from, to }: BsonElement): IdPart {
  return { name, type, data: bytes.subarray(from, to) };
}

function toBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
