import { expect, it } from 'vitest';
import type { Column, Relation } from './relation.ts';
import { rowTooLarge } from './row-too-large.ts';
import { keyOf, toTuple } from './tuple.ts';

const MIB = 1 << 20;

function relationOf(columns: Column[], key: number[]): Relation {
  const identity = key.length === 0 ? 'row' : 'key';
  return { namespace: 'public.t', columns, key, identity, order: 'key' };
}

it('a row that is too large is told by its table, its key and its size, with a lane that carries it', () => {
  const columns: Column[] = [
    { name: 'id', type: 'bigint', encoding: 'binary' },
    { name: 'code', type: 'text', encoding: 'text' },
    { name: 'u', type: 'uuid', encoding: 'binary' },
  ];
  const id = Buffer.alloc(8);
  id.writeBigInt64BE(-7n);
  const key = keyOf(toTuple([id, 'é', Buffer.from('ab', 'hex')]), [0, 1, 2]);
  const error = rowTooLarge(relationOf(columns, [0, 1, 2]), key, 300 * MIB, 240 * MIB);
  expect(error.code).toBe('ROW_TOO_LARGE');
  expect(error.message).toMatch(
    /^a row of public\.t \(id = -7, code = é, u = \\xab\) takes 300 MiB .* up to 240 MiB/,
  );
  const lane = Number(/WEIR_LANE_MIB=(\d+)/.exec(error.message)![1]);
  expect((lane * 15) / 16).toBeGreaterThan(300);
});

it('of a key as large as a row the beginning is told, and of a row without a key none of its values', () => {
  const columns: Column[] = [{ name: 'v', type: 'text', encoding: 'text' }];
  const tuple = toTuple(['secret'.repeat(100)]);
  const long = rowTooLarge(relationOf(columns, [0]), keyOf(tuple, [0]), MIB, MIB).message;
  expect(long.length).toBeLessThan(700);
  expect(long).toContain('…');
  expect(rowTooLarge(relationOf(columns, []), tuple, MIB, MIB).message).not.toContain('secret');
});
