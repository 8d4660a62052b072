import { describe, expect, it } from 'vitest';
import { parseTablePattern } from './table-pattern.ts';

describe('namespace patterns', () => {
  it.each([
    ['public.*', 'public', 'orders', true],
    ['public.*', 'public2', 'orders', false],
    ['*.orders', 'shop', 'orders', true],
    ['public.order?', 'public', 'orders', true],
    ['public.order?', 'public', 'order', false],
    ['public.a+b', 'public', 'a+b', true],
    ['public.a+b', 'public', 'aab', false],
    ['publicxorders', 'public', 'orders', false],
    ['a.b.c', 'a', 'b.c', true],
    ['a."b.c"', 'a', 'b.c', true],
    ['Public.orders', 'public', 'orders', false],
  ])('%s over %s / %s is %s', (pattern, schema, table, expected) => {
    expect(parseTablePattern(pattern).matches(schema, table)).toBe(expected);
  });
});
