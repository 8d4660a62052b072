import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame, type FrameHead } from './frame.ts';
import type { Relation } from './relation.ts';
import { toPosition } from './position.ts';

const head: FrameHead = {
  kind: 'changes',
  lane: 7,
  readerEpoch: 42,
  sequence: 9_007_199_254_740_991,
  count: 3,
  first: toPosition(0x1234n, 1n),
  last: toPosition(0xffff_ffff_ffff_ffffn, 3n),
  sourceTimeMs: 1_700_000_000_123.5,
  open: true,
  body: { failures: ['too long'] },
};

function relationOf(logical: unknown): unknown {
  const columns = [{ name: 'id', type: 'tinyint', logical, encoding: 'text' }];
  return { namespace: 's.t', columns, key: [0], identity: 'key', order: 'key' };
}

describe('a frame', () => {
  it('comes back as it was sent', () => {
    const { bytes, batchKey } = encodeFrame(head, Buffer.from('payload'));
    const frame = decodeFrame(bytes);
    expect({ ...frame, payload: frame.payload.toString() }).toEqual({
      ...head,
      batchKey,
      payload: 'payload',
    });
  });

  it('says what a column holds that only its store has a name for', () => {
    const logical = { kind: 'array', element: { kind: 'integer', bits: 8, signed: false } };
    const relations = [relationOf(logical), relationOf(undefined)] as Relation[];
    const { bytes } = encodeFrame({ ...head, body: { relations } }, Buffer.alloc(0));
    const told = decodeFrame(bytes).body.relations!.map(({ columns }) => columns[0]!.logical);
    expect(told).toEqual([logical, undefined]);
  });

  it('has the same batch key whoever sends it and wherever it stands in the lane', () => {
    const other = { ...head, lane: 1, readerEpoch: 43, sequence: 1 };
    expect(encodeFrame(other, Buffer.from('x')).batchKey).toBe(
      encodeFrame(head, Buffer.from('x')).batchKey,
    );
  });

  it('has another batch key at another position, so that 1→2, 2→1, 1→2 are three changes', () => {
    const later = { ...head, first: toPosition(0x1234n, 2n) };
    expect(encodeFrame(later, Buffer.from('x')).batchKey).not.toBe(
      encodeFrame(head, Buffer.from('x')).batchKey,
    );
  });

  it('is refused when a single bit was flipped anywhere behind its key', () => {
    const { bytes } = encodeFrame(head, Buffer.from('payload'));
    for (let at = 24; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 1;
      expect(() => decodeFrame(damaged), `byte ${at}`).toThrow(/damaged/);
    }
  });

  it('is refused when it is something else or from another version', () => {
    expect(() => decodeFrame(Buffer.from('hello'))).toThrow(/not a frame/);
    const { bytes } = encodeFrame(head, Buffer.alloc(0));
    bytes[4] = 9;
    expect(() => decodeFrame(bytes)).toThrow(/version 9/);
  });

  it('is refused as lost in the broker where its key is right and it says what no frame says', () => {
    const bodies: unknown[] = [
      null,
      { relations: [{}] },
      { relations: 'public.t' },
      { barrier: { kind: 'other' } },
      { barrier: { kind: 'move', relation: null, moves: [] } },
      { chunk: { id: 1, namespace: 't', how: 'take', dataType: 'x' } },
      { failures: [1] },
      { relations: [relationOf({ kind: 'integer', bits: 7, signed: true })] },
      { relations: [relationOf({ kind: 'nothing' })] },
    ];
    const lost = expect.objectContaining({ code: 'BROKER_LOST_DATA' }) as Error;
    for (const body of bodies) {
      const { bytes } = encodeFrame({ ...head, body: body as FrameHead['body'] }, Buffer.alloc(0));
      expect(() => decodeFrame(bytes), JSON.stringify(body)).toThrow(lost);
    }
    const other = encodeFrame({ ...head, kind: 'other' as FrameHead['kind'] }, Buffer.alloc(0));
    expect(() => decodeFrame(other.bytes)).toThrow(lost);
    const { bytes } = encodeFrame(head, Buffer.alloc(0));
    bytes.writeUInt32BE(1e6, 12);
    expect(() => decodeFrame(bytes)).toThrow(lost);
  });
});
