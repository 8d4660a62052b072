import { expect, it } from 'vitest';
import { percentiles } from './markers.ts';

it('percentiles are values that were measured', () => {
  const values = Array.from({ length: 200 }, (_, i) => 200 - i);
  expect(percentiles(values)).toEqual({ markers: 200, p50Ms: 100, p99Ms: 198, maxMs: 200 });
  expect(percentiles([7])).toEqual({ markers: 1, p50Ms: 7, p99Ms: 7, maxMs: 7 });
  expect(percentiles([])).toEqual({ markers: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 });
});
