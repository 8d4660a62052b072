import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame, type Frame } from '../../shared/change/frame.ts';
import { writeRecord } from '../../shared/change/change-record.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { toTuple } from '../../shared/change/tuple.ts';
import { FIRST_POSITION, toPosition } from '../../shared/change/position.ts';
import type { LaneProgress } from '../../shared/connector/sink.ts';
import { ChangeBatch } from './change-batch.ts';
import { RelationPool } from './relation-pool.ts';

const before: LaneProgress = {
  lane: 0,
  epoch: 1,
  readerEpoch: 1,
  sequence: 4,
  position: FIRST_POSITION,
};
const { intern } = new RelationPool();

function watermark(readerEpoch: number, sequence: number): Frame {
  const at = toPosition(BigInt(readerEpoch * 10 + sequence), 0n);
  const head = { kind: 'watermark', lane: 0, count: 0, sourceTimeMs: 0, body: {} } as const;
  const { bytes } = encodeFrame(
    { ...head, readerEpoch, sequence, first: at, last: at },
    new Uint8Array(),
  );
  return decodeFrame(bytes);
}

describe('a batch', () => {
  it('never holds frames of two readers, since the later epoch would let the earlier frames pass', () => {
    const batch = new ChangeBatch(before);
    expect(batch.fits(watermark(2, 1), intern)).toBe(true);
    batch.add(watermark(1, 5), ['a'], intern);
    expect(batch.fits(watermark(1, 6), intern)).toBe(true);
    expect(batch.fits(watermark(2, 1), intern)).toBe(false);
  });

  it('counts what a transformer left out apart, and takes the row away that an update made leave', () => {
    const relation: Relation = {
      namespace: 'a.t',
      columns: [{ name: 'id', type: 'bigint', encoding: 'text' }],
      key: [0],
      identity: 'key',
      order: 'key',
    };
    const key = toTuple(['7']).subarray(2);
    const payload = Buffer.alloc(1_000);
    const none = Buffer.alloc(0);
    const at = (n: bigint): Buffer => Buffer.from(toPosition(100n, n), 'hex');
    let end = writeRecord(payload, 0, 'insert', 0, at(1n), key, toTuple(['7']), false);
    end = writeRecord(payload, end, 'insert', 0, at(2n), none, none, false, 'filtered');
    end = writeRecord(payload, end, 'update', 0, at(3n), key, none, false, 'filtered');
    const head = {
      kind: 'changes',
      lane: 0,
      readerEpoch: 1,
      sequence: 5,
      sourceTimeMs: 0,
    } as const;
    const places = { first: toPosition(100n, 1n), last: toPosition(100n, 3n) };
    const body = { relations: [relation] };
    const { bytes } = encodeFrame({ ...head, ...places, count: 3, body }, payload.subarray(0, end));
    const batch = new ChangeBatch(before);
    batch.add(decodeFrame(bytes), ['a'], intern);
    const { counts, filtered, changes } = batch.toLaneBatch();
    const zero = { inserts: 0, updates: 0, deletes: 0, truncates: 0 };
    expect(counts.get('a.t')).toEqual({ ...zero, inserts: 1 });
    expect(filtered!.get('a.t')).toEqual({ ...zero, inserts: 1, updates: 1 });
    expect(changes).toMatchObject([{ upserts: [], deletes: [key] }]);
  });
});
