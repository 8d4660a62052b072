import { readElements } from './bson-reader.ts';
import { BSON, BsonWriter } from './bson-writer.ts';

/** The fields of a document, or the values of an array by their numbers, in their order. */
export type TreeFields = Map<string, TreeValue>;

/** A BSON value: its bytes, or taken apart as far as somebody has looked inside. */
export type TreeValue = { type: number; data: Buffer } | { type: number; fields: TreeFields };

/** Views of the document. Of equal names the last one counts. Throws `BsonError`. */
export function readTree(document: Uint8Array, start = 0): TreeFields {
  const bytes = Buffer.from(document.buffer, document.byteOffset, document.byteLength);
  const fields: TreeFields = new Map();
  for (const { name, type, from, to } of readElements(bytes, start))
    fields.set(name, { type, data: bytes.subarray(from, to) });
  return fields;
}

/** New bytes. */
export function writeTree(fields: TreeFields): Buffer {
  scratch.clear();
  writeFields(scratch, fields);
  return scratch.copyFrom(0);
}

const scratch = new BsonWriter();

/** Puts a value where the path says: makes what is missing on the way, and replaces what is no document there. */
export function setAt(fields: TreeFields, path: readonly string[], value: TreeValue): void {
  const [name, ...rest] = path;
  if (rest.length === 0) {
    fields.set(name!, value);
    return;
  }
  const empty = { type: BSON.document, fields: new Map<string, TreeValue>() };
  const inner = insideOf(fields.get(name!)) ?? empty;
  setAt(inner.fields, rest, value);
  fields.set(name!, inner);
}

/** Removes what the path leads to; in an array its place stays, with null. */
export function removeAt(fields: TreeFields, path: readonly string[], isArray = false): void {
  const [name, ...rest] = path;
  const found = fields.get(name!);
  if (found === undefined) return;
  if (rest.length === 0) {
    if (isArray) fields.set(name!, { type: BSON.null, data: Buffer.alloc(0) });
    else fields.delete(name!);
    return;
  }
  const inner = insideOf(found);
  if (inner === null) return;
  removeAt(inner.fields, rest, inner.type === BSON.array);
  fields.set(name!, inner);
}

/** Null where it is no document and no array. */
function insideOf(value: TreeValue | undefined): { type: number; fields: TreeFields } | null {
  if (value === undefined) return null;
  if ('fields' in value) return value;
  if (value.type !== BSON.document && value.type !== BSON.array) return null;
  return { type: value.type, fields: readTree(value.data) };
}

function writeFields(writer: BsonWriter, fields: TreeFields): void {
  const start = writer.begin();
  for (const [name, value] of fields) writeValue(writer, name, value);
  writer.end(start);
}

function writeValue(writer: BsonWriter, name: string, value: TreeValue): void {
  writer.head(value.type, Buffer.from(`${name}\0`));
  if ('data' in value) writer.raw(value.data);
  else if (value.type === BSON.array) writeFields(writer, asArray(value.fields));
  else writeFields(writer, value.fields);
}

/** In the order of its numbers, with null in between where nothing is; what is no number has no place. */
function asArray(fields: TreeFields): TreeFields {
  const places = [...fields.keys()].filter((name) => /^(?:0|[1-9]\d{0,6})$/.test(name)).map(Number);
  const length = places.reduce((most, place) => Math.max(most, place + 1), 0);
  const nothing: TreeValue = { type: BSON.null, data: Buffer.alloc(0) };
  return new Map(
    Array.from({ length }, (_, place) => [String(place), fields.get(String(place)) ?? nothing]),
  );
}
