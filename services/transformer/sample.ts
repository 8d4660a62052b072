import { JoinedBytes } from '../../shared/codec/joined-bytes.ts';
import { columnOffsets } from '../../shared/change/tuple.ts';
import { readElements } from '../../shared/document/bson-reader.ts';
import { fromDocumentRow, isDocumentRelation } from '../../shared/document/document-relation.ts';
import { readValue } from './bson-value.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { FieldValue } from './expression-value.ts';
import { toFieldValue } from './field-value.ts';
import type { Chain } from './chain.ts';
import { readTuple, type Row } from './row.ts';
import { tuplesIn } from './row-form.ts';

/** What the steps make of one row of the copy. */
export interface SampledRow {
  before: Fields;
  /** Null where it is left out or a step failed. */
  after: Fields | null;
  /** Where it goes, where rows of its namespace go to several. */
  target?: string;
  /** Why a step failed; null where none did. */
  failure: string | null;
}

export type Fields = Record<string, FieldValue>;

/** The first rows of a copy, which comes cut anywhere. */
export class FirstRows {
  readonly #most: number;
  readonly #joined = new JoinedBytes();
  #end = 0;
  #count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get isFull(): boolean {
    return this.#count >= this.#most;
  }

  take(bytes: Buffer): void {
    if (this.isFull) return;
    this.#joined.keep(this.#joined.add(bytes), 0);
    const all = this.#joined.kept;
    while (!this.isFull) {
      const end = endOfTuple(all, this.#end);
      if (end === null) return;
      this.#end = end;
      this.#count++;
    }
  }

  get rows(): Buffer[] {
    return [...tuplesIn(this.#joined.kept.subarray(0, this.#end))];
  }
}

/** Takes rows of a copy through the steps. */
export async function sampleRows(
  chain: Chain | null,
  relation: Relation,
  tuples: readonly Buffer[],
): Promise<SampledRow[]> {
  if (chain === null)
    return tuples.map((tuple) => {
      const fields = fieldsOf(relation, tuple);
      return { before: fields, after: fields, failure: null };
    });
  const rows = tuples.map((tuple) => chain.form.read('copy', tuple, false));
  await chain.run(rows);
  return rows.map((row) => ({
    before: fieldsOf(relation, row.came),
    after: isOut(row) ? null : fieldsOf(chain.relation, chain.form.write(row)),
    failure: row.failure,
    ...(chain.parts.length > 0 && { target: targetOf(chain, row) }),
  }));
}

function targetOf({ source, target, parts }: Chain, { part }: Row): string {
  return part === 0 ? (target ?? source.namespace) : parts[part - 1]!;
}

function isOut({ dropped, failure }: Row): boolean {
  return dropped || failure !== null;
}

function fieldsOf(relation: Relation, tuple: Buffer): Fields {
  if (isDocumentRelation(relation)) {
    const { document } = fromDocumentRow(tuple);
    return Object.fromEntries(
      [...readElements(document)].map((element) => [
        element.name,
        readValue({ ...element, bytes: document }) ?? 'a value that has no text',
      ]),
    );
  }
  const { values } = readTuple(tuple);
  return Object.fromEntries(
    relation.columns.map((column, place) => [
      column.name,
      toFieldValue(values[place] as Buffer | null, column)!,
    ]),
  );
}

/** Null where the tuple has not come whole. */
function endOfTuple(bytes: Buffer, at: number): number | null {
  try {
    const end = at + 2 > bytes.length ? Infinity : columnOffsets(bytes, at).at(-1)!;
    return end <= bytes.length ? end : null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
