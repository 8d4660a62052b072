import { readElements } from '../../shared/document/bson-reader.ts';
import { BSON, BsonWriter } from '../../shared/document/bson-writer.ts';
import { encodePatch } from '../../shared/document/patch.ts';
import { toValue } from './bson-value.ts';
import { type DocumentBody, INSIDE, MISSING, type Row, type Value } from './row.ts';
import type { DocumentShape, Shape } from './step.ts';

type Patch = NonNullable<DocumentBody['patch']>;

/** The values of the named fields of a whole document. */
export function valuesIn({ named }: DocumentShape, document: Buffer): Value[] {
  const values = new Array<Value>(named.length).fill(MISSING);
  const places = placesIn(named);
  for (const { name, type, from, to } of readElements(document)) {
    const place = places.get(name);
    if (place !== undefined) values[place] = toValue(type, document.subarray(from, to));
  }
  return values;
}

/** The same of what a partial update changes; `undefined` where it leaves a field as it is. */
export function valuesInPatch({ named }: DocumentShape, { set, unset }: Patch): Value[] {
  const values = new Array<Value>(named.length).fill(undefined);
  const places = placesIn(named);
  for (const path of unset) {
    const place = places.get(headOf(path));
    if (place !== undefined) values[place] = path.includes('.') ? INSIDE : MISSING;
  }
  for (const { name: path, type, from, to } of readElements(set)) {
    const place = places.get(headOf(path));
    if (place === undefined) continue;
    const isInside = path.includes('.') || values[place] === INSIDE;
    values[place] = isInside ? INSIDE : toValue(type, set.subarray(from, to));
  }
  return values;
}

/** What a partial row has in place of a document (`patch.ts`), as a view; null where it is more than one step. */
export function readPatch(bytes: Buffer): Patch | null {
  const [steps] = [...readElements(bytes)];
  const [step, more] = steps === undefined ? [] : [...readElements(bytes, steps.from)];
  if (step === undefined || more !== undefined) return null;
  const parts = new Map([...readElements(bytes, step.from)].map((each) => [each.name, each]));
  const { from, to } = parts.get('set')!;
  const unset = [...readElements(bytes, parts.get('unset')!.from)];
  return {
    set: bytes.subarray(from, to),
    unset: unset.map((path) => bytes.toString('utf8', path.from + 4, path.to - 1)),
  };
}

/**
 * The document that a row has come to: every field in its place, those that steps have made come last; what no step has
 * touched is copied byte by byte. New bytes.
 */
export function writeDocument(shape: Shape, { values, document }: Row): Buffer {
  const bytes = document!.bytes!;
  const { fields, fieldOf, isOpen } = layoutOf(shape);
  const writer = scratch;
  writer.clear();
  const start = writer.begin();
  const written = new Set<number>();
  const write = (place: number): void => {
    const value = values[place];
    written.add(place);
    if (Buffer.isBuffer(value) || value === null) writeField(writer, fields[place]!, value);
  };
  const elements = [...readElements(bytes)];
  if (!elements.some(({ name }) => name === '_id')) write(fieldOf('_id')!);
  for (const { name, type, from, to } of elements) {
    const place = fieldOf(name);
    if (place !== null && place >= 0) write(place);
    else if (place === null && isOpen) {
      writer.head(type, Buffer.from(`${name}\0`));
      writer.raw(bytes.subarray(from, to));
    }
  }
  for (const place of fields.keys()) if (!written.has(place)) write(place);
  writer.end(start);
  return writer.copyFrom(start);
}

/** What a partial update has come to, as `patch.ts` has it. */
export function writePatch(shape: Shape, { values, document }: Row): Uint8Array {
  const { set, unset } = document!.patch!;
  const { fields, fieldOf, isOpen } = layoutOf(shape);
  const writer = scratch;
  writer.clear();
  const start = writer.begin();
  /** What the path is called by now; null where it does not go on, or goes on as its whole field. */
  const renamed = (path: string): string | null => {
    const place = fieldOf(headOf(path));
    if (place === null) return isOpen ? path : null;
    if (place < 0 || values[place] !== INSIDE) return null;
    return fields[place]!.name.toString('utf8', 0, fields[place]!.name.length - 1) + tailOf(path);
  };
  for (const { name: path, type, from, to } of readElements(set)) {
    const name = renamed(path);
    if (name === null) continue;
    writer.head(type, Buffer.from(`${name}\0`));
    writer.raw(set.subarray(from, to));
  }
  const removed = unset.flatMap((path) => renamed(path) ?? []);
  for (const [place, { name, isId }] of fields.entries()) {
    const value = values[place];
    if (isId) continue;
    if (value === MISSING) removed.push(name.toString('utf8', 0, name.length - 1));
    else if (Buffer.isBuffer(value) || value === null) writeField(writer, fields[place]!, value);
  }
  writer.end(start);
  return encodePatch(writer.copyFrom(start), removed);
}

const scratch = new BsonWriter();

interface Layout {
  /** Names with their zero byte. */
  fields: readonly { name: Buffer; isId: boolean }[];
  /** Where the field of that name went: -1 if it does not go on, null if no step names it. */
  fieldOf: (name: string) => number | null;
  isOpen: boolean;
}

const layouts = new WeakMap<Shape, Layout>();

function layoutOf(shape: Shape): Layout {
  let layout = layouts.get(shape);
  if (layout === undefined) {
    const { named, open } = shape.documents!;
    const places = new Map(
      named.map((name, source) => [name, shape.fields.findIndex((each) => each.source === source)]),
    );
    layout = {
      fields: shape.fields.map(({ name, isKey }) => ({
        name: Buffer.from(`${name}\0`),
        isId: isKey,
      })),
      fieldOf: (name) => places.get(name) ?? null,
      isOpen: open,
    };
    layouts.set(shape, layout);
  }
  return layout;
}

function writeField(writer: BsonWriter, { name }: { name: Buffer }, value: Buffer | null): void {
  writer.head(value === null ? BSON.null : value[0]!, name);
  if (value !== null) writer.raw(value.subarray(1));
}

const placesKnown = new WeakMap<readonly string[], Map<string, number>>();

function placesIn(named: readonly string[]): Map<string, number> {
  let places = placesKnown.get(named);
  if (places === undefined) {
    places = new Map(named.map((name, place) => [name, place]));
    placesKnown.set(named, places);
  }
  return places;
}

function headOf(path: string): string {
  const dot = path.indexOf('.');
  return dot < 0 ? path : path.slice(0, dot);
}

function tailOf(path: string): string {
  return path.slice(headOf(path).length);
}
