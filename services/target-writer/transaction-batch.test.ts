import { describe, expect, it } from 'vitest';
import { recordLength, writeRecord } from '../../shared/change/change-record.ts';
import { decodeFrame, encodeFrame, type Frame } from '../../shared/change/frame.ts';
import { FIRST_POSITION, toPosition } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { LaneProgress } from '../../shared/connector/sink.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';
import { RelationPool } from './relation-pool.ts';
import { TransactionBatch } from './transaction-batch.ts';

const before: LaneProgress = {
  lane: 0,
  epoch: 1,
  readerEpoch: 1,
  sequence: 4,
  position: FIRST_POSITION,
};
const relation = (namespace: string): Relation => ({
  namespace,
  columns: [],
  key: [],
  identity: 'key',
  order: 'key',
});
const [A, B] = [relation('a'), relation('b')];
const at = (n: number) => toPosition(1n, BigInt(n));

/** Changes of the relations A (0) and B (1), numbered by their places. */
function frame(changes: [ChangeKind, 0 | 1, number][], open: boolean): Frame {
  const key = Buffer.from('key');
  const payload = Buffer.concat(
    changes.map(([kind, index, place]) => {
      const row = Buffer.from(`row ${place}`);
      const record = Buffer.alloc(recordLength(key, row));
      writeRecord(record, 0, kind, index, Buffer.from(at(place), 'hex'), key, row, false);
      return record;
    }),
  );
  const [first, last] = [changes[0]![2], changes.at(-1)![2]].map(at) as [never, never];
  const head = { kind: 'changes', lane: 0, readerEpoch: 1, sequence: 5, sourceTimeMs: 0 } as const;
  const body = { relations: [A, B] };
  return decodeFrame(
    encodeFrame({ ...head, count: changes.length, first, last, open, body }, payload).bytes,
  );
}

describe('a batch of whole transactions', () => {
  const { intern } = new RelationPool();

  it('keeps the order of the source: runs end where relation or kind changes', () => {
    const batch = new TransactionBatch(before);
    const changes: [ChangeKind, 0 | 1, number][] = [
      ['insert', 0, 1],
      ['insert', 0, 2],
      ['insert', 1, 3],
      ['insert', 0, 4],
      ['delete', 0, 5],
      ['move', 0, 6],
    ];
    batch.add(frame(changes, false), ['r'], intern);
    const { runs, counts, commit } = batch.toOrderedBatch();
    expect(runs.map((run) => [run.kind, run.relation.namespace, run.changes.length])).toEqual([
      ['insert', 'a', 2],
      ['insert', 'b', 1],
      ['insert', 'a', 1],
      ['delete', 'a', 1],
      ['move', 'a', 1],
    ]);
    expect(counts.get('a')).toEqual({ inserts: 3, updates: 1, deletes: 1, truncates: 0 });
    expect(commit).toBe(true);
  });

  it('may be committed where its last frame ends a transaction, and nowhere else', () => {
    const batch = new TransactionBatch(before);
    batch.add(frame([['insert', 0, 1]], true), ['r'], intern);
    expect([batch.isWhole, batch.toOrderedBatch().commit]).toEqual([false, false]);
    const next = new TransactionBatch(batch.toOrderedBatch().after, true);
    expect(next.isWhole).toBe(false);
    next.add(frame([['insert', 0, 2]], false), ['r'], intern);
    expect(next.toOrderedBatch()).toMatchObject({ commit: true, before: { position: at(1) } });
  });

  it('drops what the target has already, a barrier too', () => {
    const later = { ...before, position: at(2) };
    const batch = new TransactionBatch(later);
    batch.add(frame([['insert', 0, 2], ['insert', 0, 3]], false), ['r'], intern); // prettier-ignore
    expect(batch.toOrderedBatch().runs[0]!.changes.map(({ row }) => String(row))).toEqual([
      'row 3',
    ]);
    const passed = new TransactionBatch(later);
    const truncate = { kind: 'truncate', relations: [A], cascade: false, restartIdentity: false };
    const bare = { kind: 'barrier', lane: 0, readerEpoch: 1, count: 0, sourceTimeMs: 0 } as const;
    const positions = { sequence: 5, first: at(2), last: at(2), body: {} };
    passed.add(
      decodeFrame(encodeFrame({ ...bare, ...positions }, Buffer.alloc(0)).bytes),
      [],
      intern,
    );
    expect(passed.toOrderedBatch(truncate as never)).toMatchObject({ barrier: null });
  });
});
