import { putBytes } from '../../shared/codec/put-bytes.ts';
import { NULL_LENGTH, UNCHANGED_LENGTH } from '../../shared/change/tuple.ts';

/** A document has no such field. */
export const MISSING: unique symbol = Symbol('missing');
/** An update of a document changes something inside the field, and the rest of the field did not come. */
export const INSIDE: unique symbol = Symbol('inside');

/**
 * A value as text in UTF-8, or of a document as BSON (`bson-value.ts`); `null` is NULL, `undefined` is one that did not
 * come: unchanged, or not in a key.
 */
export type Value = Buffer | null | undefined | typeof MISSING | typeof INSIDE;

/** A row on its way through the steps; its values follow the fields of the shape that it has by then. */
export interface Row {
  readonly kind: 'copy' | 'insert' | 'update' | 'delete';
  /** Only the values of the key are there, as in a delete. */
  readonly keyOnly: boolean;
  values: Value[];
  /** The tuple before the first step, or the key where there is no more: a view. */
  readonly came: Buffer;
  /** Of a document: see `document-row.ts`. */
  document: DocumentBody | null;
  /** 0: it goes where its namespace goes. Else the place in the shape's `parts`, from 1. */
  part: number;
  /** The pipeline does not carry it. */
  dropped: boolean;
  /** Why a step could not do its work, in words without any value. */
  failure: string | null;
}

/** The fields of a document that no step names are here. */
export interface DocumentBody {
  /** The parts of its id as they came. */
  id: Buffer;
  /** The whole document; null where only its key came. */
  bytes: Buffer | null;
  /** Of a partial update: fields to set by path, as a document, and paths to remove. */
  patch: { set: Buffer; unset: readonly string[] } | null;
}

export function createRow(
  kind: Row['kind'],
  values: Value[],
  keyOnly = false,
  came: Buffer = NOTHING,
  document: DocumentBody | null = null,
): Row {
  return { kind, keyOnly, values, came, document, part: 0, dropped: false, failure: null };
}

const NOTHING = Buffer.alloc(0);

/** The values of a tuple that begins at `start`: views. */
export function readTuple(bytes: Buffer, start = 0): { values: Value[]; end: number } {
  const count = bytes.readUInt16BE(start);
  const values = new Array<Value>(count);
  let at = start + 2;
  for (let i = 0; i < count; i++) {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length >= 0) values[i] = bytes.subarray(at, (at += length));
    else values[i] = length === NULL_LENGTH ? null : undefined;
  }
  return { values, end: at };
}

/** Where the tuple that begins at `start` ends. */
export function tupleEnd(bytes: Buffer, start: number): number {
  let at = start + 2;
  for (let left = bytes.readUInt16BE(start); left > 0; left--)
    at += 4 + Math.max(0, bytes.readInt32BE(at));
  return at;
}

/** The values of a bare key, put at their places in a row of `count` fields. */
export function readKey(key: Buffer, places: readonly number[], count: number): Value[] {
  const values = new Array<Value>(count).fill(undefined);
  let at = 0;
  for (const place of places) {
    const length = key.readInt32BE(at);
    values[place] = length < 0 ? null : key.subarray(at + 4, at + 4 + length);
    at += 4 + Math.max(0, length);
  }
  return values;
}

/** The row as a tuple (`tuple.ts`). New bytes. */
export function writeTuple(values: readonly Value[]): Buffer {
  const bytes = writeValues(values, 2);
  bytes.writeUInt16BE(values.length, 0);
  return bytes;
}

/** A bare key: the values one after the other. New bytes. */
export function writeKey(values: readonly Value[]): Buffer {
  return writeValues(values, 0);
}

function writeValues(values: readonly Value[], head: number): Buffer {
  let size = head;
  for (const value of values) size += 4 + (isThere(value) ? value.length : 0);
  const bytes = Buffer.allocUnsafe(size);
  let at = head;
  for (const value of values) {
    if (!isThere(value)) {
      at = bytes.writeInt32BE(value === null ? NULL_LENGTH : UNCHANGED_LENGTH, at);
      continue;
    }
    at = putBytes(bytes, bytes.writeInt32BE(value.length, at), value);
  }
  return bytes;
}

function isThere(value: Value): value is Buffer {
  return typeof value === 'object' && value !== null;
}
