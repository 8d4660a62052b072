import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame, type Frame } from '../../shared/change/frame.ts';
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
});
