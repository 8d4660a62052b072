import { RecordCursor } from '../../shared/change/change-record.ts';
import { encodeFrame, type Frame } from '../../shared/change/frame.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';
import type { Chain } from './chain.ts';
import type { Chains } from './chains.ts';
import { failedRow, keyOf, targetKeys } from './failed-row.ts';
import { RecordWriter } from './record-writer.ts';
import type { Row } from './row.ts';

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
  kind: ChangeKind;
  relation: number;
  position: Buffer;
  /** As the row came. */
  partial: boolean;
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
  const taken: Taken[] = [];
  const rows = new Map<Chain, Row[]>();
  for (const cursor = new RecordCursor(payload); cursor.advance();) {
    const chain = ways[cursor.relation] ?? null;
    if (chain === null) {
      records.push(cursor.bytes);
      continue;
    }
    const each = takeChange(cursor, chain);
    records.push(each);
    taken.push(each);
    const own = rows.get(chain) ?? [];
    own.push(each.row);
    if (each.old !== null) own.push(each.old);
    rows.set(chain, own);
  }
  for (const [chain, own] of rows) await chain.run(own);
  const failed = taken.filter((each) => failureOf(each) !== null);
  const keys = await keysOfFailed(failed, onBadRow);
  // Steps behind the one that left it out have not been done to its key.
  const leaving = await keysOf(taken.filter(leaves));
  const { shapes, places } = shapesOf(relations, ways);
  const writer = new RecordWriter(payload.length);
  let filtered = 0;
  for (const each of records) {
    if (!('row' in each)) writer.copy(each);
    else if (keys.has(each)) writeFailed(writer, each, keys.get(each)!);
    else if (writeChange(writer, each, places[each.relation]!, leaving.get(each)) === 'filtered')
      filtered++;
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
  const { source, form } = chain;
  const { kind, relation, positionBytes: position, partial } = cursor;
  const seen = kind === 'move' ? 'update' : kind;
  const row =
    kind === 'delete' && source.identity === 'key'
      ? form.readKey(cursor.key)
      : form.read(seen, kind === 'delete' ? cursor.key : cursor.row, partial);
  const old = kind === 'move' ? form.readKey(cursor.key) : null;
  return { chain, row, kind, relation, position, partial, old };
}

/** Of the rows that a step failed for, the keys that they would have; throws where they are not to be put aside. */
async function keysOfFailed(
  failed: readonly Taken[],
  onBadRow: 'stop' | 'park',
): Promise<Map<Taken, Buffer>> {
  const keys = await keysOf(failed);
  for (const taken of failed)
    if (onBadRow === 'stop' || !keys.has(taken))
      throw failedRow(taken.chain, taken.row, failureOf(taken), taken.position.toString('hex'));
  return keys;
}

/** The keys that rows have at the target; those that cannot be told are left out. */
async function keysOf(some: readonly Taken[]): Promise<Map<Taken, Buffer>> {
  const keys = new Map<Taken, Buffer>();
  for (const chain of new Set(some.map((each) => each.chain))) {
    const own = some.filter((each) => each.chain === chain);
    const found = await targetKeys(
      chain,
      own.map(({ row }) => keyOf(chain, row)),
    );
    for (const [nth, taken] of own.entries())
      if (found[nth] !== undefined) keys.set(taken, found[nth] ?? NO_KEY);
  }
  return keys;
}

/** Whether it was left out and may have been carried until now. */
function leaves({ chain, row, kind }: Taken): boolean {
  const isKnown = kind === 'update' || kind === 'move';
  return row.dropped && isKnown && chain.relation.identity === 'key' && chain.decides === 'row';
}

function writeFailed(writer: RecordWriter, taken: Taken, key: Buffer): void {
  const { kind, relation, position, row, partial } = taken;
  writer.write({ kind, relation, position, key, row: row.came, partial, outcome: 'failed' });
}

/** `places`: of the relations of the parts that its rows go to. */
function writeChange(
  writer: RecordWriter,
  taken: Taken,
  places: readonly number[],
  leavingKey: Buffer | undefined,
): 'carried' | 'filtered' {
  const { chain, row, position, old } = taken;
  const { form } = chain;
  const { identity } = chain.relation;
  const bareKey = (of = row): Buffer => form.writeKey(of);
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
    const key = leavingKey ?? NO_KEY;
    writer.write({ kind, relation, position, key, row: null, outcome: 'filtered' });
    if (leavingKey !== undefined) for (const place of elsewhere) remove(place, leavingKey);
    return 'filtered';
  }
  if (kind !== 'insert') for (const place of elsewhere) remove(place);
  if (kind === 'delete') {
    const key = identity === 'key' ? bareKey() : form.write(row);
    writer.write({ kind, relation, position, key, row: null });
    return 'carried';
  }
  const tuple = form.write(row);
  const key = identity === 'key' ? bareKey(kind === 'move' ? old! : row) : tuple;
  const partial = form.isPartial(row);
  writer.write({ kind, relation, position, key, row: tuple, partial });
  return 'carried';
}

function failureOf({ chain, row, kind, old }: Taken): string | null {
  if (kind === 'move' && (chain.decides !== null || chain.spreads !== null))
    return row.failure ?? old!.failure ?? (chain.form.isPartial(row) ? MOVED : null);
  return row.failure ?? old?.failure ?? (kind === 'update' ? wholeRowProblem(chain, row) : null);
}

/** Of a row that gets another key while parts of it did not come. */
export const MOVED =
  'the row got another key while parts of it were unchanged and did not come, and whether the target has it is not known (let the source log whole rows of this table)';

/** A row that may be new to the target must be whole. */
export function wholeRowProblem(chain: Chain, row: Row): string | null {
  if (row.dropped || chain.decides !== 'row' || !chain.form.isPartial(row)) return null;
  const remedy =
    row.document === null
      ? 'let the source log whole rows of this table'
      : 'let the source send whole documents';
  return `the update left values unchanged and did not bring them, so a row that only now passes the filter would lack them (${remedy})`;
}
