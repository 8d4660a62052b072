import { expect, it } from 'vitest';
import { settledCounts } from './balance.ts';

it('what was applied, filtered, parked and discarded is all that the target has settled', () => {
  const counts = (n: number) => ({ inserts: n, updates: 2 * n, deletes: 3 * n, truncates: 0 });
  expect(
    settledCounts({
      applied: { a: counts(1) },
      parked: {
        a: { ...counts(10), entries: 4, rows: 1 },
        b: { ...counts(5), entries: 1, rows: 0 },
      },
      discarded: { a: counts(100) },
      filtered: { b: counts(1000) },
    }),
  ).toEqual({ a: counts(111), b: counts(1005) });
});

it('what parts of a namespace have settled is settled of that namespace', () => {
  const counts = (n: number) => ({ inserts: n, updates: 2 * n, deletes: 3 * n, truncates: 0 });
  const applied = { 's.a': counts(1), 's.a > t.b': counts(10), 's.c': counts(100) };
  expect(settledCounts({ applied, parked: {}, discarded: {}, filtered: {} })).toEqual({
    's.a': counts(11),
    's.c': counts(100),
  });
});
