import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame } from '../../shared/change/frame.ts';
import { FIRST_POSITION } from '../../shared/change/position.ts';
import { IncomingChunk } from './incoming-chunk.ts';

const PART_BYTES = 16 << 20;

function part(sequence: number, rows?: number): Buffer {
  const chunk = { id: 1, namespace: 'public.t', how: 'load', dataType: 'x' } as const;
  const body = { chunk: rows === undefined ? chunk : { ...chunk, rows } };
  const at = { first: FIRST_POSITION, last: FIRST_POSITION };
  const head = { kind: 'chunk', lane: 0, readerEpoch: 1, count: 0, sourceTimeMs: 0 } as const;
  return encodeFrame({ ...head, ...at, sequence, body }, Buffer.alloc(PART_BYTES)).bytes;
}

describe('an incoming chunk', () => {
  it('lets go of its earlier parts when it is large, and never of the last before it is in', async () => {
    const parts = 10;
    const gone: string[] = [];
    let came = 0;
    const chunk = new IncomingChunk(
      decodeFrame(part(0)),
      ['0'],
      () => {
        came++;
        const bytes = part(came, came === parts - 1 ? 7 : undefined);
        return Promise.resolve({ bytes, replies: [String(came)] });
      },
      (replies) => gone.push(...replies),
    );
    for await (const bytes of chunk.parts()) {
      expect(bytes).toHaveLength(PART_BYTES);
      expect(chunk.replies).toContain(String(came));
      expect(chunk.replies.length).toBeLessThanOrEqual(4);
    }
    expect(chunk.rows).toBe(7);
    expect([...gone, ...chunk.replies]).toEqual(Array.from({ length: parts }, (_, i) => `${i}`));
  });

  it('takes a part that came twice once, and counts the rows that a transformer left out', async () => {
    const small = (sequence: number, rows?: number): Buffer => {
      const chunk = { id: 1, namespace: 'a.t', how: 'load', dataType: 'x', filtered: 2 } as const;
      const body = { chunk: rows === undefined ? chunk : { ...chunk, rows } };
      const at = { first: FIRST_POSITION, last: FIRST_POSITION };
      const head = { kind: 'chunk', lane: 0, readerEpoch: 1, count: 0, sourceTimeMs: 0 } as const;
      return encodeFrame({ ...head, ...at, sequence, body }, Buffer.from([sequence])).bytes;
    };
    const coming = [small(1), small(0), small(1), small(2, 10)];
    const chunk = new IncomingChunk(
      decodeFrame(small(0)),
      ['first'],
      () => Promise.resolve({ bytes: coming.shift()!, replies: ['more'] }),
      () => undefined,
    );
    const bytes: number[] = [];
    for await (const each of chunk.parts()) bytes.push(...each);
    expect(bytes).toEqual([0, 1, 2]);
    expect(chunk.rows).toBe(4);
    expect(chunk.replies).toHaveLength(5);
  });
});
