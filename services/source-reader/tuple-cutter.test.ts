import { expect, it } from 'vitest';
import { toTuple } from '../../shared/change/tuple.ts';
import { TupleCutter } from './tuple-cutter.ts';

it('pieces hold whole tuples, the same however the bytes come, and together all of them', () => {
  const tuples = Array.from({ length: 300 }, (_, i) =>
    toTuple([String(i), i % 7 === 0 ? null : 'x'.repeat((i * 37) % 500), i % 50 === 0 ? '' : 'y']),
  );
  const bytes = Buffer.concat(tuples);
  const ends = new Set([0]);
  let end = 0;
  for (const tuple of tuples) ends.add((end += tuple.length));
  const cut = (step: number): Buffer[] => {
    const cutter = new TupleCutter(2_000);
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += step)
      pieces.push(...cutter.take(bytes.subarray(at, at + step)));
    return [...pieces, cutter.rest()];
  };
  const once = cut(bytes.length);
  expect(once.length).toBeGreaterThan(10);
  for (const step of [1, 7, 1_000, 4_096]) expect(cut(step)).toEqual(once);
  expect(Buffer.concat(once)).toEqual(bytes);
  let at = 0;
  for (const piece of once) expect(ends.has((at += piece.length))).toBe(true);
});
