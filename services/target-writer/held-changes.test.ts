import { expect, it } from 'vitest';
import { writeRecord } from '../../shared/change/change-record.ts';
import { decodeFrame, encodeFrame } from '../../shared/change/frame.ts';
import { FIRST_POSITION, toPosition } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { keyOf, toTuple } from '../../shared/change/tuple.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';
import { ChangeBatch } from './change-batch.ts';
import { RelationPool } from './relation-pool.ts';

type Change = [ChangeKind, string, 'carried' | 'filtered' | 'failed'];

function batchOf(changes: Change[], more: Partial<Relation> = {}): ChangeBatch {
  const relation: Relation = {
    namespace: 'a.t',
    columns: ['id', 'n'].map((name) => ({ name, type: 'bigint', encoding: 'text' })),
    key: [0],
    identity: 'key',
    order: 'key',
    ...more,
  };
  const records = changes.map(([kind, id, outcome], nth) => {
    const row = toTuple([id, String(nth)]);
    const at = Buffer.from(toPosition(100n, BigInt(nth)), 'hex');
    const record = Buffer.alloc(200);
    const key = keyOf(row, [0]);
    return record.subarray(0, writeRecord(record, 0, kind, 0, at, key, row, false, outcome));
  });
  const failures = changes.filter(([, , outcome]) => outcome === 'failed').map(([, id]) => id);
  const head = { kind: 'changes', lane: 0, readerEpoch: 1, sequence: 1, sourceTimeMs: 0 } as const;
  const places = { first: toPosition(100n, 0n), last: toPosition(100n, 9n), count: 0 };
  const body = { relations: [relation], sources: [relation], failures };
  const { bytes } = encodeFrame({ ...head, ...places, body }, Buffer.concat(records));
  const batch = new ChangeBatch({
    lane: 0,
    epoch: 1,
    readerEpoch: 1,
    sequence: 0,
    position: FIRST_POSITION,
  });
  batch.add(decodeFrame(bytes), ['a'], new RelationPool().intern);
  return batch;
}

const CHANGES: Change[] = [
  ['insert', '1', 'carried'],
  ['insert', '2', 'carried'],
  ['update', '1', 'failed'],
  ['update', '1', 'carried'],
  ['update', '2', 'carried'],
  ['update', '1', 'filtered'],
];

it('what comes behind a failed change of its key is held with it, in order, and all of it is counted once', () => {
  const { changes, held, counts, filtered, originsOf } = batchOf(CHANGES).toLaneBatch();
  expect(changes[0]!.upserts).toEqual([toTuple(['1', '0']), toTuple(['2', '4'])]);
  expect(changes[0]!.deletes).toEqual([]);
  expect(held!.map(({ kind, failed }) => [kind, failed?.reason ?? null])).toEqual([
    ['upsert', '1'],
    ['upsert', null],
    ['delete', null],
  ]);
  expect(counts.get('a.t')).toMatchObject({ inserts: 2, updates: 3 });
  expect(filtered!.get('a.t')).toMatchObject({ updates: 1 });
  const key = keyOf(toTuple(['1', '']), [0]).toString('latin1');
  expect(originsOf!('a.t', new Set([key])).get(key)?.counts).toMatchObject({ inserts: 1, updates: 0 }); // prettier-ignore
});

it('where equal keys may differ in bytes everything of the namespace comes behind', () => {
  const { changes, held } = batchOf(CHANGES, { looseKey: true }).toLaneBatch();
  expect(changes[0]!.upserts).toEqual([toTuple(['1', '0']), toTuple(['2', '1'])]);
  expect(held!.map(({ kind }) => kind)).toEqual(['upsert', 'upsert', 'upsert', 'delete']);
});
