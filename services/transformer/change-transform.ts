import { RecordCursor } from '../../shared/change/change-record.ts';
import { encodeFrame, type Frame } from '../../shared/change/frame.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { ChangeKind } from '../../shared/connector/source.ts';
import type { Chain } from './chain.ts';
import type { Chains } from './chains.ts';
import { failedRow, targetKeys } from './failed-row.ts';
import { RecordWriter } from './record-writer.ts';
import { createRow, readKey, readTuple, type Row, writeKey, writeTuple } from './row.ts';

const NO_KEY = Buffer.alloc(0);

/** What was done to one frame or part. */
export interface Transformed {
  bytes: Buffer;
  rows: number;
  filtered: number;
}

/** One change on its way through the steps. */
interface Taken {
  chain: Chain;
  row: Row;
  /** As it came. */
  values: Row['values'];
  kind: ChangeKind;
  relation: number;
  position: Buffer;
  /** As the row came. */
  tuple: Buffer;
  /** Of a move, the key that the row had. */
  old: Row | null;
}

/** The frame that writers get for one of the reader's: the same place in the lane, the same positions, other rows. */
export async function transformChanges(
  frame: Frame,
  chains: Chains,
  onBadRow: 'stop' | 'park' = 'stop',
): Promise<Transformed> {
  const { payload, body } = frame;
  const relations = body.relations ?? [];
  const ways = relations.map((relation) => chains.chainFor(relation));
  const records: (Taken | Buffer)[] = [];
  for (const cursor = new RecordCursor(payload); cursor.advance();) {
    const chain = ways[cursor.relation] ?? null;
    records.push(chain === null ? cursor.bytes : takeChange(cursor, chain));
  }
  for (const chain of new Set(ways)) {
    const rows = records.flatMap((each) =>
      'row' in each && each.chain === chain
        ? [each.row, ...(each.old === null ? [] : [each.old])]
        : [],
    );
    if (chain !== null && rows.length > 0) await chain.run(rows);
  }
  const failed = records.filter((each): each is Taken => 'row' in each && failureOf(each) !== null);
  const keys = await keysOfFailed(failed, onBadRow);
  const { shapes, places } = shapesOf(relations, ways);
  const writer = new RecordWriter(payload.length);
  let filtered = 0;
  for (const each of records) {
    if (!('row' in each)) writer.copy(each);
    else if (keys.has(each)) writeFailed(writer, each, keys.get(each)!);
    else if (writeChange(writer, each, places[each.relation]!) === 'filtered') filtered++;
  }
  const failures = failed.map((each) => failureOf(each)!);
  const aside = failed.length > 0 ? { sources: relations, failures } : {};
  const { bytes } = encodeFrame(
    { ...frame, count: writer.count, body: { ...body, relations: shapes, ...aside } },
    writer.payload,
  );
  return { bytes, rows: records.length, filtered };
}

/** The relations of the frame that is made, and for each that came where those of its parts stand among them. */
function shapesOf(
  relations: readonly Relation[],
  ways: readonly (Chain | null)[],
): { shapes: Relation[]; places: number[][] } {
  const shapes = ways.map((way, i) => way?.relation ?? relations[i]!);
  const places = ways.map((way, i) => [
    i,
    ...(way?.relations.slice(1) ?? []).map((part) => shapes.push(part) - 1),
  ]);
  return { shapes, places };
}

function takeChange(cursor: RecordCursor, chain: Chain): Taken {
  const { source } = chain;
  const { kind, relation, positionBytes: position } = cursor;
  const keyOnly = kind === 'delete' && source.identity === 'key';
  const values = keyOnly
    ? readKey(cursor.key, source.key, source.columns.length)
    : readTuple(kind === 'delete' ? cursor.key : cursor.row).values;
  const seen = kind === 'move' ? 'update' : kind;
  const row = createRow(seen, [...values], keyOnly);
  const tuple = kind === 'delete' ? cursor.key : cursor.row;
  const old =
    kind === 'move'
      ? createRow('delete', readKey(cursor.key, source.key, source.columns.length), true)
      : null;
  return { chain, row, values, kind, relation, position, tuple, old };
}

/** Of the rows that a step failed for, the keys that they would have; throws where they are not to be put aside. */
async function keysOfFailed(
  failed: readonly Taken[],
  onBadRow: 'stop' | 'park',
): Promise<Map<Taken, Buffer>> {
  const keys = new Map<Taken, Buffer>();
  for (const chain of new Set(failed.map((each) => each.chain))) {
    const some = failed.filter((each) => each.chain === chain);
    const found = await targetKeys(
      chain,
      some.map(({ values }) => values),
    );
    for (const [nth, taken] of some.entries()) {
      const key = found[nth];
      const { row, values, position } = taken;
      if (onBadRow === 'stop' || key === undefined)
        throw failedRow(
          chain.source,
          values,
          { ...row, failure: failureOf(taken) },
          position.toString('hex'),
        );
      keys.set(taken, key ?? NO_KEY);
    }
  }
  return keys;
}

function writeFailed(writer: RecordWriter, taken: Taken, key: Buffer): void {
  const { kind, relation, position, tuple, values } = taken;
  const partial = values.includes(undefined);
  writer.write({ kind, relation, position, key, row: tuple, partial, outcome: 'failed' });
}

/** `places`: of the relations of the parts that its rows go to. */
function writeChange(
  writer: RecordWriter,
  taken: Taken,
  places: readonly number[],
): 'carried' | 'filtered' {
  const { chain, row, position, old } = taken;
  const { key: columns, identity } = chain.relation;
  const bareKey = (of = row): Buffer => writeKey(columns.map((column) => of.values[column]));
  const relation = places[row.part]!;
  // Where it may be by now is not told by its key.
  const elsewhere = chain.spreads === 'row' ? places.filter((place) => place !== relation) : [];
  const remove = (from: number, key = bareKey()): void => {
    const outcome = 'uncounted';
    writer.write({ kind: 'delete', relation: from, position, key, row: null, outcome });
  };
  const staysOne = chain.decides === null && chain.spreads === null;
  // Where it is not known whether the row is there, it cannot be moved: it goes, and comes under its new key.
  if (old !== null && !staysOne) for (const place of places) remove(place, bareKey(old));
  const kind = taken.kind === 'move' && !staysOne ? 'update' : taken.kind;
  if (row.dropped) {
    // It may have been carried until now.
    const leaves = kind === 'update' && identity === 'key' && chain.decides === 'row';
    const key = leaves ? bareKey() : NO_KEY;
    writer.write({ kind, relation, position, key, row: null, outcome: 'filtered' });
    if (leaves) for (const place of elsewhere) remove(place);
    return 'filtered';
  }
  if (kind !== 'insert') for (const place of elsewhere) remove(place);
  if (kind === 'delete') {
    const key = identity === 'key' ? bareKey() : writeTuple(row.values);
    writer.write({ kind, relation, position, key, row: null });
    return 'carried';
  }
  const tuple = writeTuple(row.values);
  const key = identity === 'key' ? bareKey(kind === 'move' ? old! : row) : tuple;
  const partial = row.values.includes(undefined);
  writer.write({ kind, relation, position, key, row: tuple, partial });
  return 'carried';
}

function failureOf({ chain, row, kind, old }: Taken): string | null {
  if (kind === 'move' && (chain.decides !== null || chain.spreads !== null))
    return row.failure ?? old!.failure ?? (row.values.includes(undefined) ? MOVED : null);
  return row.failure ?? old?.failure ?? (kind === 'update' ? wholeRowProblem(chain, row) : null);
}

/** Of a row that gets another key while parts of it did not come. */
export const MOVED =
  'the row got another key while parts of it were unchanged and did not come, and whether the target has it is not known (let the source log whole rows of this table)';

/** A row that may be new to the target must be whole. */
export function wholeRowProblem(chain: Chain, row: Row): string | null {
  if (row.dropped || chain.decides !== 'row' || !row.values.includes(undefined)) return null;
  return 'the update left values unchanged and did not bring them, so a row that only now passes the filter would lack them (let the source log whole rows of this table)';
}
