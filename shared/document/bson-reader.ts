import { BSON } from './bson-writer.ts';

/** One element of a document, in place: its value stands from `from` to `to` of the document's bytes. */
export interface BsonElement {
  name: string;
  type: number;
  from: number;
  to: number;
}

/** The bytes are no document as bsonspec.org has it. */
export class BsonError extends Error {}

/** The elements of the document or array that begins at `start`; reads nothing behind its end. */
export function* readElements(bytes: Buffer, start = 0): Generator<BsonElement> {
  const end = documentEnd(bytes, start, bytes.length) - 1;
  let at = start + 4;
  while (at < end) {
    const type = bytes[at]!;
    const nameEnd = stringEnd(bytes, at + 1, end);
    const from = nameEnd + 1;
    const to = valueEnd(bytes, type, from, end);
    yield { name: bytes.toString('utf8', at + 1, nameEnd), type, from, to };
    at = to;
  }
  if (at !== end || bytes[end] !== 0) throw new BsonError('a document does not end where it says');
}

/**
 * Where the first element of that name stands in a document, from its type to the end of its value; null where there is
 * none. Reads nothing behind it.
 */
export function findElement(bytes: Buffer, name: Buffer): { at: number; to: number } | null {
  const end = documentEnd(bytes, 0, bytes.length) - 1;
  for (let at = 4; at < end;) {
    const nameEnd = stringEnd(bytes, at + 1, end);
    const to = valueEnd(bytes, bytes[at]!, nameEnd + 1, end);
    if (name.compare(bytes, at + 1, nameEnd) === 0) return { at, to };
    at = to;
  }
  return null;
}

/** The value of a single element that came without its document. */
export function checkValue(bytes: Buffer, type: number): void {
  if (valueEnd(bytes, type, 0, bytes.length) !== bytes.length)
    throw new BsonError('a value is longer than its type says');
}

function valueEnd(bytes: Buffer, type: number, from: number, end: number): number {
  const to = from + valueLength(bytes, type, from, end);
  if (to > end) throw new BsonError('a value goes beyond its document');
  return to;
}

function valueLength(bytes: Buffer, type: number, from: number, end: number): number {
  switch (type) {
    case BSON.undefined:
    case BSON.null:
    case BSON.minKey:
    case BSON.maxKey:
      return 0;
    case BSON.boolean:
      return 1;
    case BSON.int32:
      return 4;
    case BSON.double:
    case BSON.date:
    case BSON.timestamp:
    case BSON.int64:
      return 8;
    case BSON.objectId:
      return 12;
    case BSON.decimal128:
      return 16;
    case BSON.string:
    case BSON.code:
    case BSON.symbol:
      return 4 + lengthAt(bytes, from, end, 1);
    case BSON.binary:
      return 5 + lengthAt(bytes, from, end, 0);
    case BSON.pointer:
      return 4 + lengthAt(bytes, from, end, 1) + 12;
    case BSON.document:
    case BSON.array:
      return documentEnd(bytes, from, end) - from;
    case BSON.scope:
      return lengthAt(bytes, from, end, 14);
    case BSON.regex:
      return stringEnd(bytes, stringEnd(bytes, from, end) + 1, end) + 1 - from;
    default:
      throw new BsonError(`there is no type ${type}`);
  }
}

function documentEnd(bytes: Buffer, start: number, limit: number): number {
  const end = start + lengthAt(bytes, start, limit, 5);
  if (end > limit) throw new BsonError('a document is longer than its bytes');
  return end;
}

function lengthAt(bytes: Buffer, at: number, end: number, least: number): number {
  if (at + 4 > end) throw new BsonError('a document is cut off');
  const length = bytes.readInt32LE(at);
  if (length < least) throw new BsonError('a length is too small');
  return length;
}

function stringEnd(bytes: Buffer, from: number, end: number): number {
  const at = bytes.indexOf(0, from);
  if (at < 0 || at > end) throw new BsonError('a name does not end');
  return at;
}
