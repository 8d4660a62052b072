import { columnOffsets } from '../../shared/change/tuple.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { type FieldValue, toFieldValue } from './field-value.ts';
import type { Chain } from './chain.ts';
import { createRow, type Row, type Value } from './row.ts';
import { tuplesIn } from './tuple-parts.ts';

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
  #bytes: Buffer = Buffer.alloc(0);
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
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (!this.isFull) {
      const end = endOfTuple(this.#bytes, this.#end);
      if (end === null) return;
      this.#end = end;
      this.#count++;
    }
  }

  get rows(): Value[][] {
    return [...tuplesIn(this.#bytes.subarray(0, this.#end))];
  }
}

/** Takes rows of a copy through the steps. */
export async function sampleRows(
  chain: Chain | null,
  relation: Relation,
  rows: readonly Value[][],
): Promise<SampledRow[]> {
  const taken = rows.map((values) => createRow('copy', [...values]));
  await chain?.run(taken);
  return taken.map((row, nth) => ({
    before: fieldsOf(relation, rows[nth]!),
    after: isOut(row) ? null : fieldsOf(chain?.relation ?? relation, row.values),
    failure: row.failure,
    ...(chain !== null && chain.parts.length > 0 && { target: targetOf(chain, row) }),
  }));
}

function targetOf({ source, target, parts }: Chain, { part }: Row): string {
  return part === 0 ? (target ?? source.namespace) : parts[part - 1]!;
}

function isOut({ dropped, failure }: Row): boolean {
  return dropped || failure !== null;
}

function fieldsOf({ columns }: Relation, values: readonly Value[]): Fields {
  return Object.fromEntries(
    columns.map(({ name, type }, place) => [name, toFieldValue(values[place] ?? null, type)]),
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
