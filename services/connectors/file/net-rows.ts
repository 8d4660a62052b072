import type { Relation } from '../../../shared/change/relation.ts';
import { columnOffsets, toTuple } from '../../../shared/change/tuple.ts';
import { fromExtendedJson } from '../../../shared/document/from-extended-json.ts';
import { applyPatch, encodePatch } from '../../../shared/document/patch.ts';
import { wholeDocumentTexts } from '../../../shared/document/whole-document.ts';
import { columnCodec } from '../../../shared/row/canonical/column-codec.ts';
import { readTuple, UNCHANGED } from './row-text.ts';

/** A line of a file of changes (`written-changes.ts`), its values in canonical form; undefined: it does not say. */
export interface WrittenChange {
  op: 'delete' | 'upsert' | 'update' | 'move' | 'patch';
  values: (string | null | undefined)[];
  /** Of a move: the values of the key that the row had. */
  oldKey: string[] | null;
  /** Of a patch: fields of a document to set, as Extended JSON, and to remove. */
  patch: { set: string; unset: string[] } | null;
}

/** What rows that were there have in a column that came after them. */
export interface Fill {
  place: number;
  value: string;
}

/** A row that is older than the columns. */
export function withFills(tuple: Buffer, fills: readonly Fill[]): Buffer {
  if (fills.length === 0) return tuple;
  const values = readTuple(tuple).map((value) => (value === UNCHANGED ? undefined : value));
  for (const { place, value } of fills) values[place] = value;
  return toTuple(values);
}

/** What became of a row. */
interface NetRow {
  /** The key under which the copy has it; null where all of it is here. */
  copied: string | null;
  values: (string | null | undefined)[];
  patches: Uint8Array[];
}

/**
 * The rows that a copy and the changes behind it come to. First all changes are told in their order, then the rows of the
 * copy are asked for one by one; what is held is what the changes say of the rows that they changed.
 */
export class NetRows {
  readonly #relation: Relation;
  /** Rows that changes have made or changed, by the key that they have now. */
  readonly #now = new Map<string, NetRow>();
  /** Keys under which the copy has no row any more that is as it was. */
  readonly #taken = new Set<string>();
  /** Rows that the copy was asked for already: what brought them again replaces what was before. */
  readonly #given = new Set<NetRow>();

  constructor(relation: Relation) {
    this.#relation = relation;
  }

  tell(changes: readonly WrittenChange[]): void {
    for (const change of changes) this.#change(change);
  }

  /** Columns come, and rows that are here have these values in them; those of the copy bring theirs. */
  fill(fills: readonly Fill[]): void {
    for (const { copied, values } of this.#now.values())
      if (copied === null) for (const { place, value } of fills) values[place] = value;
  }

  /** All of them are gone. */
  clear(): void {
    this.#now.clear();
    this.#taken.clear();
  }

  /** The row that one of the copy is now; null where it is gone, or where `rest` has it. The last to have come is asked first. */
  ofCopied(tuple: Buffer): Buffer | null {
    const values = readTuple(tuple).map((value) => (value === UNCHANGED ? undefined : value));
    const key = this.#keyOf(values);
    if (!this.#taken.has(key)) return tuple;
    const row = this.#byCopied().get(key);
    if (row === undefined || this.#given.has(row)) return null;
    this.#given.add(row);
    return this.#written(merged(values, row.values), row.patches);
  }

  /** Rows of which the copy has nothing. */
  *rest(): Generator<Buffer> {
    for (const { copied, values, patches } of this.#now.values())
      if (copied === null) yield this.#written(values, patches);
  }

  #change({ op, values, oldKey, patch }: WrittenChange): void {
    const key = this.#keyOf(values);
    const row = this.#take(oldKey === null ? key : nameOf(oldKey));
    if (op === 'upsert')
      // Columns that it does not say were added later.
      this.#put(key, { copied: null, values: values.map((value) => value ?? null), patches: [] });
    else if (row !== null && op !== 'delete') {
      const patches = patch === null ? [] : [encodePatch(fromExtendedJson(patch.set), patch.unset)];
      const changed = merged(row.values, values);
      this.#put(key, { ...row, values: changed, patches: [...row.patches, ...patches] });
    }
  }

  /** What is known of the row with that key, which it has no longer; null where there is none. */
  #take(key: string): NetRow | null {
    const row = this.#now.get(key);
    this.#now.delete(key);
    this.#index = null;
    if (row !== undefined) return row;
    if (this.#taken.has(key)) return null;
    this.#taken.add(key);
    return { copied: key, values: this.#relation.columns.map(() => undefined), patches: [] };
  }

  #put(key: string, row: NetRow): void {
    this.#taken.add(key);
    this.#now.set(key, row);
  }

  #index: Map<string, NetRow> | null = null;

  #byCopied(): ReadonlyMap<string, NetRow> {
    this.#index ??= new Map(
      [...this.#now.values()].flatMap((row) => (row.copied === null ? [] : [[row.copied, row]])),
    );
    return this.#index;
  }

  #keyOf(values: readonly (string | null | undefined)[]): string {
    return nameOf(this.#relation.key.map((place) => values[place] ?? ''));
  }

  #written(values: readonly (string | null | undefined)[], patches: readonly Uint8Array[]): Buffer {
    if (patches.length === 0) return toTuple([...values]);
    const [id, document] = values as string[];
    const patched = patches.reduce<Uint8Array>(applyPatch, fromExtendedJson(document!));
    const text = wholeDocumentTexts(this.#relation, patched)[1];
    return toTuple([id!, columnCodec(this.#relation.columns[1]!).read(text)]);
  }
}

function nameOf(key: readonly string[]): string {
  return JSON.stringify(key);
}

function merged(
  before: readonly (string | null | undefined)[],
  after: readonly (string | null | undefined)[],
): (string | null | undefined)[] {
  return before.map((value, place) => (after[place] === undefined ? value : after[place]));
}

/** The same of rows without a key: equal ones are as good as each other, and what counts is how many there are. */
export class CountedRows {
  readonly #more = new Map<string, number>();

  tell(changes: readonly WrittenChange[]): void {
    for (const { op, values } of changes) {
      const row = toTuple(values.map((value) => value ?? null)).toString('latin1');
      this.#more.set(row, (this.#more.get(row) ?? 0) + (op === 'delete' ? -1 : 1));
    }
  }

  fill(fills: readonly Fill[]): void {
    const before = [...this.#more];
    this.#more.clear();
    for (const [row, more] of before)
      this.#more.set(withFills(Buffer.from(row, 'latin1'), fills).toString('latin1'), more);
  }

  clear(): void {
    this.#more.clear();
  }

  ofCopied(tuple: Buffer): Buffer | null {
    const name = tuple.toString('latin1', 0, columnOffsets(tuple).at(-1));
    const more = this.#more.get(name) ?? 0;
    if (more >= 0) return tuple;
    this.#more.set(name, more + 1);
    return null;
  }

  *rest(): Generator<Buffer> {
    for (const [row, more] of this.#more)
      for (let left = more; left > 0; left--) yield Buffer.from(row, 'latin1');
  }
}
