import { RecordCursor } from '../../shared/change/change-record.ts';
import { encodeFrame, type Frame } from '../../shared/change/frame.ts';
import type { ChangeKind } from '../../shared/connector/source.ts';
import type { Chain } from './chain.ts';
import type { Chains } from './chains.ts';
import { failedRow } from './failed-row.ts';
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
}

/** The frame that writers get for one of the reader's: the same place in the lane, the same positions, other rows. */
export async function transformChanges(frame: Frame, chains: Chains): Promise<Transformed> {
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
      'row' in each && each.chain === chain ? [each.row] : [],
    );
    if (chain !== null && rows.length > 0) await chain.run(rows);
  }
  const writer = new RecordWriter(payload.length);
  let filtered = 0;
  for (const each of records) {
    if (!('row' in each)) writer.copy(each);
    else if (writeChange(writer, each) === 'filtered') filtered++;
  }
  const { bytes } = encodeFrame(
    {
      ...frame,
      count: writer.count,
      body: { ...body, relations: ways.map((way, i) => way?.relation ?? relations[i]!) },
    },
    writer.payload,
  );
  return { bytes, rows: records.length, filtered };
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
  return { chain, row, values, kind, relation, position };
}

function writeChange(writer: RecordWriter, taken: Taken): 'carried' | 'filtered' {
  const { chain, row, kind, relation, position } = taken;
  const whole = wholeRowProblem(taken);
  if (row.failure !== null || whole !== null) {
    const failure = row.failure ?? whole;
    throw failedRow(chain.source, taken.values, { ...row, failure }, position.toString('hex'));
  }
  const { key: places, identity } = chain.relation;
  const keyOf = (): Buffer => writeKey(places.map((place) => row.values[place]));
  if (row.dropped) {
    // It may have been carried until now.
    const leaves = kind === 'update' && identity === 'key' && chain.decides === 'row';
    const key = leaves ? keyOf() : NO_KEY;
    writer.write({ kind, relation, position, key, row: null, filtered: true });
    return 'filtered';
  }
  if (kind === 'delete') {
    const key = identity === 'key' ? keyOf() : writeTuple(row.values);
    writer.write({ kind, relation, position, key, row: null });
    return 'carried';
  }
  const tuple = writeTuple(row.values);
  const key = identity === 'key' ? keyOf() : tuple;
  const partial = row.values.includes(undefined);
  writer.write({ kind, relation, position, key, row: tuple, partial });
  return 'carried';
}

/** A row that may be new to the target must be whole. */
function wholeRowProblem({ chain, row, kind }: Taken): string | null {
  if (kind !== 'update' || row.dropped || chain.decides !== 'row') return null;
  if (!row.values.includes(undefined)) return null;
  return 'the update left values unchanged and did not bring them, so a row that only now passes the filter would lack them (let the source log whole rows of this table)';
}
