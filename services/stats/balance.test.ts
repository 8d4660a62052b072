import { expect, it } from 'vitest';
import { toPosition, type Position } from '../../shared/change/position.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import { Balance } from './balance.ts';

const at = (n: number): Position => toPosition(BigInt(n), 0n);
const orders = (inserts: number, deletes = 0): Record<string, ChangeCounts> => ({
  orders: { inserts, updates: 0, deletes, truncates: 0 },
});

it('what was read and not settled is on its way, and no difference', () => {
  const balance = new Balance();
  balance.onSettled(orders(10), at(100));
  balance.onMark(orders(15), at(200));
  expect(balance.inFlight).toBe(5);
  balance.onSettled(orders(12), at(150));
  expect(balance.difference).toBeNull();
});

it('what is not settled although every lane has passed its mark is missing', () => {
  const balance = new Balance();
  balance.onSettled(orders(10), at(100));
  balance.onMark(orders(15, 3), at(200));
  balance.onSettled(orders(40, 2), at(200));
  expect(balance.difference).toEqual({ namespace: 'orders', kind: 'deletes', read: 3, settled: 2 });
});

it('more settled than was ever read is a difference at once', () => {
  const balance = new Balance();
  balance.onSettled(orders(11), at(100));
  balance.onMark(orders(10), at(200));
  expect(balance.difference).toEqual({
    namespace: 'orders',
    kind: 'inserts',
    read: 10,
    settled: 11,
  });
});

it('a namespace of which the target has no count at all is missing', () => {
  const balance = new Balance();
  balance.onMark(orders(1), at(200));
  balance.onSettled({}, at(300));
  expect(balance.difference).toMatchObject({ namespace: 'orders', settled: 0 });
});

it('a difference that closes is forgotten with the next mark that comes through', () => {
  const balance = new Balance();
  balance.onMark(orders(2), at(200));
  balance.onSettled(orders(1), at(200));
  expect(balance.difference).not.toBeNull();
  balance.onMark(orders(2), at(300));
  balance.onSettled(orders(2), at(300));
  expect(balance.difference).toBeNull();
});

it('nothing is settled that is not said to be read, also before the source is asked again', () => {
  const balance = new Balance();
  balance.onMark(orders(10), at(200));
  balance.onSettled({ ...orders(12), people: orders(3)['orders']! }, at(150));
  expect(balance.read).toEqual({ ...orders(12), people: orders(3)['orders'] });
  expect(balance.inFlight).toBe(0);
});
