import type { BsonValue } from '../../proto/gen/adiom/v1/adiom.ts';
import type { Relation } from '../change/relation.ts';
import { keyOf, NULL_LENGTH, UNCHANGED_LENGTH } from '../change/tuple.ts';
import {
  type BsonElement,
  BsonError,
  checkValue,
  findElement,
  readElements,
} from './bson-reader.ts';
import { BSON, bsonTypeName } from './bson-writer.ts';
import { DocumentError } from './document-error.ts';
import { toFieldText } from './field-text.ts';
import type { BsonSlice } from './bson-slice.ts';
import { Refusal } from '../row/canonical/refusal.ts';
import { toExtendedJson } from './extended-json.ts';
import { type DocumentField, documentField } from './document-field.ts';
import { Misfit } from './misfit.ts';

export interface FromDocumentOptions {
  /** What becomes of a column without a field; `refuse` unless said otherwise. */
  absent?: 'refuse' | 'null' | 'unchanged';
  /** Columns that become NULL: fields that a partial update has removed. */
  unset?: readonly string[];
  /** As `fromId` gives it: the row must have this key. */
  key?: Buffer;
}

/**
 * The tuple (`tuple.ts`, text values) of a BSON document: the other way of `toDocument`, and of documents that somebody
 * else wrote wherever nothing is lost. Columns of the key that have no field are taken from `_id`. Throws
 * `DocumentError`, which names the field.
 */
export function fromDocument(
  relation: Relation,
  document: Uint8Array,
  { absent = 'refuse', unset = [], key }: FromDocumentOptions = {},
): Buffer {
  const bytes = toBuffer(document);
  const { fields, places } = layoutOf(relation);
  const values = new Array<Value>(fields.length).fill(undefined);
  const given = new Array<boolean>(fields.length).fill(false);
  let id: BsonElement | null = null;
  inPlace(relation, () => {
    for (const element of readElements(bytes)) {
      const place = places.get(element.name);
      if (element.name === '_id') id = element;
      if (place === undefined && element.name !== '_id') throw unknown(relation, element.name);
      if (place === undefined) continue;
      values[place] = textOf(relation, fields[place]!, { ...element, bytes }, bytes);
      given[place] = true;
    }
  });
  if (id !== null && !places.has('_id')) {
    const whole: BsonElement = id;
    takeId(relation, keyTexts(relation, [{ ...whole, bytes, name: '_id' }]), values, given);
  }
  if (key !== undefined) takeId(relation, splitKey(relation, key), values, given);
  for (const name of unset) {
    const place = places.get(name);
    if (place === undefined) throw unknown(relation, name);
    if (given[place]) continue;
    given[place] = true;
    values[place] = null;
  }
  for (let i = 0; i < fields.length; i++) {
    if (given[i]) continue;
    if (absent === 'refuse' || relation.key.includes(i)) throw missing(relation, fields[i]!);
    values[i] = absent === 'null' ? null : undefined;
  }
  return writeTuple(values);
}

/**
 * The key (`tuple.ts`) that an id stands for: one part that is the value of a key of one column or a document of
 * several, or a part named after each column of the key.
 */
export function fromId(relation: Relation, id: readonly BsonValue[]): Buffer {
  const parts = id.map(({ name, type, data }) => {
    const bytes = toBuffer(data);
    inPlace(relation, () => checkValue(bytes, type));
    return { name: name === '' ? '_id' : name, type, bytes, from: 0, to: bytes.length };
  });
  const values = new Array<Value>(relation.columns.length).fill(null);
  keyTexts(relation, parts).forEach((text, i) => (values[relation.key[i]!] = text));
  return keyOf(writeTuple(values), relation.key);
}

/** Bytes or text; null is NULL, undefined is unchanged. */
type Value = Buffer | string | null | undefined;

interface Field extends DocumentField {
  column: string;
  type: string;
}

interface Layout {
  fields: Field[];
  places: ReadonlyMap<string, number>;
}

const layouts = new WeakMap<Relation, Layout>();

function layoutOf(relation: Relation): Layout {
  let layout = layouts.get(relation);
  if (layout === undefined) {
    const fields = relation.columns.map((column) => ({
      ...documentField(column),
      column: column.name,
      type: column.type,
    }));
    const places = new Map(fields.map(({ column }, i) => [column, i]));
    layouts.set(relation, (layout = { fields, places }));
  }
  return layout;
}

interface IdPart extends BsonSlice {
  name: string;
}

/** The text of each column of the key, in its order. */
function keyTexts(relation: Relation, parts: readonly IdPart[]): (Buffer | string)[] {
  const { fields } = layoutOf(relation);
  const key = relation.key.map((column) => fields[column]!);
  const [part] = parts;
  const isSingle = parts.length === 1 && part!.name === '_id' && key[0]?.column !== '_id';
  let named = parts;
  if (isSingle && key.length === 1) named = [{ ...part!, name: key[0]!.column }];
  else if (isSingle && part!.type === BSON.document)
    named = inPlace(relation, () => [
      ...[...readElements(part!.bytes, part!.from)].map((each) => ({
        ...each,
        bytes: part!.bytes,
      })),
    ]);
  if (named.length !== key.length) throw wrongId(relation, key);
  return key.map((field) => {
    const value = named.find(({ name }) => name === field.column);
    if (value === undefined) throw wrongId(relation, key);
    const text = textOf(relation, field, value);
    if (text === null) throw wrongId(relation, key);
    return text;
  });
}

/** Columns of the key come from `_id` where they have no field of their own; where they have, both must agree. */
function takeId(
  relation: Relation,
  texts: readonly (Buffer | string)[],
  values: Value[],
  given: boolean[],
): void {
  texts.forEach((text, i) => {
    const column = relation.key[i]!;
    if (!given[column]) {
      values[column] = text;
      given[column] = true;
    } else if (!isSame(values[column], text))
      throw new DocumentError(
        'id',
        relation,
        relation.columns[column]!.name,
        `_id and the field ${relation.columns[column]!.name} of a document are not the same; make them equal, or leave one out`,
      );
  });
}

function splitKey({ key }: Relation, bytes: Buffer): Buffer[] {
  let at = 0;
  return key.map(() => {
    const from = at + 4;
    at = from + Math.max(0, bytes.readInt32BE(at));
    return bytes.subarray(from, at);
  });
}

function isSame(a: Value, b: Buffer | string): boolean {
  return a !== null && a !== undefined && Buffer.from(a as string).equals(Buffer.from(b as string));
}

/** `document`: that it is in, to say which. */
function textOf(
  relation: Relation,
  field: Field,
  value: BsonSlice,
  document?: Buffer,
): Buffer | string | null {
  try {
    return toFieldText(field, value);
  } catch (error) {
    const { column, type } = field;
    if (error instanceof Misfit)
      throw new DocumentError(
        'type',
        relation,
        column,
        `the field ${column} of ${whichOf(document)} is ${bsonTypeName(value.type)}, of which a column of type ${type} can hold nothing; send another BSON type`,
      );
    if (!(error instanceof Refusal)) throw error;
    throw new DocumentError(
      'value',
      relation,
      column,
      `the field ${column} of ${whichOf(document)} has a value (${bsonTypeName(value.type)}) that a column of type ${type} cannot hold without loss (${error.reason}); change the value or the column`,
    );
  }
}

function inPlace<T>(relation: Relation, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof BsonError)) throw error;
    throw new DocumentError(
      'damaged',
      relation,
      null,
      `a document is not BSON: ${error.message}; send what bsonspec.org describes`,
    );
  }
}

const SHOWN_CHARACTERS = 100;

/** With its `_id`, where it has one that can be shown. */
function whichOf(document: Buffer | undefined): string {
  const id = document === undefined ? null : findElement(document, ID);
  if (id === null) return 'a document';
  try {
    const value = { type: document![id.at]!, bytes: document!, from: id.at + 1 + ID.length + 1, to: id.to }; // prettier-ignore
    return `the document with _id = ${toExtendedJson(value).slice(0, SHOWN_CHARACTERS)}`;
  } catch (error) {
    if (error instanceof Refusal) return 'a document';
    throw error;
  }
}

const ID = Buffer.from('_id');

function unknown(relation: Relation, name: string): DocumentError {
  return new DocumentError(
    'unknown',
    relation,
    name,
    `a document has the field ${name}, and there is no such column; leave it out, or add the column`,
  );
}

function missing(relation: Relation, { column }: Field): DocumentError {
  return absentField(relation, column);
}

export function absentField(relation: Relation, column: string): DocumentError {
  return new DocumentError(
    'absent',
    relation,
    column,
    `a document has no field ${column}, and the column needs a value; send it`,
  );
}

function wrongId(relation: Relation, key: readonly Field[]): DocumentError {
  const names = key.map(({ column }) => column).join(', ');
  return new DocumentError(
    'id',
    relation,
    '_id',
    `an id does not have the key (${names}); send ${key.length === 1 ? 'its value' : 'a document of them, or a part named after each'}`,
  );
}

function writeTuple(values: readonly Value[]): Buffer {
  let length = 2;
  for (const value of values)
    length += 4 + (typeof value === 'string' ? Buffer.byteLength(value) : (value?.length ?? 0));
  const tuple = Buffer.allocUnsafe(length);
  let at = tuple.writeUInt16BE(values.length, 0);
  for (const value of values) {
    if (value === null || value === undefined) {
      at = tuple.writeInt32BE(value === null ? NULL_LENGTH : UNCHANGED_LENGTH, at);
      continue;
    }
    const bytes =
      typeof value === 'string' ? tuple.write(value, at + 4) : value.copy(tuple, at + 4);
    tuple.writeInt32BE(bytes, at);
    at += 4 + bytes;
  }
  return tuple;
}

function toBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
