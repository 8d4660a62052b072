import { BSON } from 'bson';

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

/** The parts of an id, or all fields of any document; views. Throws where it is none. */
export function readFields(document: Uint8Array): IdPart[] {
  const bytes = Buffer.from(document.buffer, document.byteOffset, document.byteLength);
  return [...BSON.onDemand.parseToElements(bytes)].map(
    ([type, nameOffset, nameLength, offset, length]) => ({
      name: bytes.toString('utf8', nameOffset, nameOffset + nameLength),
      type,
      data: bytes.subarray(offset, offset + length),
    }),
  );
}

/** The id of a whole document: its `_id`. Null where it has none, or is no BSON. */
export function idOfDocument(document: Uint8Array): Buffer | null {
  try {
    const field = readFields(document).find(({ name }) => name === '_id');
    return field === undefined ? null : toDocumentId([field]);
  } catch {
    return null;
  }
}
