import { expect, it } from 'vitest';
import { RecordCursor, writeRecord } from '../../shared/change/change-record.ts';
import { decodeFrame, encodeFrame, type Frame, type FrameHead } from '../../shared/change/frame.ts';
import { FIRST_POSITION, toPosition } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { keyOf, toTuple } from '../../shared/change/tuple.ts';
import { TUPLES } from '../../shared/connector/data-type.ts';
import { transformBarrier } from './barrier-transform.ts';
import { Chains } from './chains.ts';
import { transformChanges } from './change-transform.ts';
import { transformChunk } from './chunk-transform.ts';
import { readTransforms } from './read-transforms.ts';
import { createRetry } from './retry-steps.ts';

const source: Relation = {
  namespace: 'a.t',
  columns: ['id', 'n', 'note'].map((name, i) => ({
    name,
    type: i < 2 ? 'bigint' : 'text',
    encoding: 'text',
  })),
  key: [0],
  identity: 'key',
  order: 'key',
};
const chainsOf = (...steps: object[]) =>
  new Chains(readTransforms(steps).steps, { env: { TOKEN_KEY: 'sixteen bytes of key' } });
const HEAD = {
  lane: 0,
  readerEpoch: 1,
  sequence: 5,
  sourceTimeMs: 0,
  first: FIRST_POSITION,
  last: toPosition(100n, 9n),
} as const;
const frameOf = (
  head: Pick<FrameHead, 'kind' | 'body'>,
  payload: Buffer = Buffer.alloc(0),
): Frame => decodeFrame(encodeFrame({ ...HEAD, ...head, count: 0 }, payload).bytes);

function changes(...rows: (string | null | undefined)[][]): Frame {
  const records = rows.map((values, nth) => {
    const row = toTuple(values);
    const record = Buffer.alloc(1_000);
    const at = Buffer.from(toPosition(100n, BigInt(nth)), 'hex');
    const partial = values.includes(undefined);
    return record.subarray(
      0,
      writeRecord(record, 0, 'update', 0, at, keyOf(row, [0]), row, partial),
    );
  });
  return frameOf({ kind: 'changes', body: { relations: [source] } }, Buffer.concat(records));
}

const STEPS = [
  { set: { part: { cel: '100 / row.n + row.id', type: 'bigint' } } },
  { tokenize: { fields: ['id'], keyFrom: 'TOKEN_KEY' } },
];

it('a changed row that a step fails for goes on as it was, under the key that it would have, with the reason', async () => {
  const chains = chainsOf(...STEPS);
  const { bytes } = await transformChanges(
    changes(['1', '5', 'a'], ['2', '0', 'b'], ['3', undefined, 'c'], ['4', '1', 'd']),
    chains,
    'park',
  );
  const frame = decodeFrame(bytes);
  expect(frame.body.failures).toEqual([
    expect.stringMatching(/^step 1 \(set\): .*division by zero/),
    expect.stringMatching(/^step 1 \(set\): .*reads n, whose value did not come/),
  ]);
  expect(frame.body.sources).toEqual([source]);
  const outcomes: unknown[] = [];
  for (const record = new RecordCursor(frame.payload); record.advance();)
    outcomes.push([record.failed, record.failed && record.row.equals(toTuple(['2', '0', 'b']))]);
  expect(outcomes).toEqual([
    [false, false],
    [true, true],
    [true, false],
    [false, false],
  ]);
  const good = decodeFrame(
    (await transformChanges(changes(['2', '1', 'b']), chains, 'park')).bytes,
  );
  const [failed, passed] = [new RecordCursor(frame.payload), new RecordCursor(good.payload)];
  for (const record of [failed, failed, passed]) record.advance();
  expect(failed.key).toEqual(passed.key);
  await expect(transformChanges(changes(['2', '0', 'b']), chains, 'stop')).rejects.toMatchObject({
    code: 'TRANSFORM_FAILED',
  });
});

it('a copied row that a step fails for goes beside the others of its chunk', async () => {
  const chunk = { id: 1, namespace: 'a.t', how: 'load', dataType: TUPLES, rows: 3 } as const;
  const payload = Buffer.concat([
    toTuple(['1', '5', 'a']),
    toTuple(['2', '0', 'b']),
    toTuple(['3', '1', 'c']),
  ]);
  const frame = frameOf(
    { kind: 'chunk', body: { chunk: { ...chunk, relation: source } } },
    payload,
  );
  const { bytes, filtered } = await transformChunk(frame, chainsOf(...STEPS), 'park');
  const { body } = decodeFrame(bytes);
  expect(filtered).toBe(0);
  expect(body.chunk?.failed).toMatchObject([
    {
      tuple: toTuple(['2', '0', 'b']).toString('base64'),
      reason: expect.stringMatching(/zero/) as string,
    },
  ]);
});

it('a row that gets another key and cannot go through the steps keeps both of its keys', async () => {
  const move = {
    key: toTuple(['1']).subarray(2).toString('base64'),
    row: toTuple(['2', '0', undefined]).toString('base64'),
  };
  const barrier = { kind: 'move', relation: source, moves: [move, move] } as const;
  const frame = frameOf({ kind: 'barrier', body: { barrier: { ...barrier, moves: [move] } } });
  const made = decodeFrame(
    await transformBarrier(frame, { ...barrier, moves: [move] }, chainsOf(STEPS[0]!), 'park'),
  ).body.barrier;
  expect(made).toMatchObject({
    moves: [{ ...move, failed: { source, key: toTuple(['2']).subarray(2).toString('base64') } }],
  });
});

it('a row that was put aside passes once the steps are mended, and is left out where they say so', async () => {
  const tuple = toTuple(['2', '0', 'b']);
  const retry = createRetry(chainsOf(STEPS[0]!));
  expect(await retry(source, 'insert', tuple, false)).toMatchObject({
    failure: expect.stringMatching(/division/) as string,
  });
  const mended = createRetry(chainsOf({ keep: ['id', 'n'] }));
  expect(await mended(source, 'insert', tuple, false)).toMatchObject({
    tuple: toTuple(['2', '0']),
  });
  const filtering = createRetry(chainsOf({ filter: 'row.n > 0' }));
  expect(await filtering(source, 'insert', tuple, false)).toMatchObject({ tuple: null });
  expect(await filtering(source, 'update', toTuple(['2', '1', undefined]), true)).toMatchObject({
    failure: expect.stringMatching(/left values unchanged/) as string,
  });
});

it('a row that a filter leaves out goes from where later steps have put it: under the key that they make', async () => {
  const chains = chainsOf(
    { filter: 'row.n > 1' },
    { keep: ['n', 'id'] },
    { tokenize: { fields: ['id'], keyFrom: 'TOKEN_KEY' } },
  );
  const { bytes } = await transformChanges(changes(['1', '5', 'a'], ['1', '0', 'a']), chains);
  const records = new RecordCursor(decodeFrame(bytes).payload);
  records.advance();
  const key = Buffer.from(records.key);
  records.advance();
  expect(records.filtered).toBe(true);
  expect(records.key).toEqual(key);
});
