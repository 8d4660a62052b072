import { type BsonElement, readElements } from './bson-reader.ts';
import { BSON, BsonWriter } from './bson-writer.ts';

/**
 * A document with its fields in the order of their names, inside it too, and of equal names the last: what is left of it
 * in a store that keeps no order of fields. Everything else stays to the byte. New bytes. Throws `BsonError`.
 */
export function sortedDocument(document: Uint8Array): Buffer {
  const bytes = Buffer.from(document.buffer, document.byteOffset, document.byteLength);
  scratch.clear();
  writeSorted(bytes, 0, true);
  return scratch.copyFrom(0);
}

const scratch = new BsonWriter();

function writeSorted(bytes: Buffer, start: number, isDocument: boolean): void {
  const elements = [...readElements(bytes, start)];
  const begun = scratch.begin();
  for (const element of isDocument ? inOrder(elements) : elements) writeElement(bytes, element);
  scratch.end(begun);
}

function inOrder(elements: readonly BsonElement[]): BsonElement[] {
  const last = new Map(elements.map((element) => [element.name, element]));
  return [...last.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function writeElement(bytes: Buffer, { name, type, from, to }: BsonElement): void {
  scratch.head(type, Buffer.from(`${name}\0`));
  if (type === BSON.document || type === BSON.array)
    writeSorted(bytes, from, type === BSON.document);
  else scratch.raw(bytes.subarray(from, to));
}
