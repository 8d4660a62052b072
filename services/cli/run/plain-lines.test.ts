import { expect, it } from 'vitest';
import { PlainLines } from './plain-lines.ts';

const line = (read: number, lagMs: number, more = '') =>
  `p: streaming · ${read} changes read · lag ${lagMs} ms · 2 writers${more}`;

it('a pipeline at rest writes nothing more, however long it rests', () => {
  const lines = new PlainLines();
  expect(lines.isWorth(line(5, 20), 0, false)).toBe(true);
  for (let minute = 1; minute < 60; minute++)
    expect(lines.isWorth(line(5, 20 + minute), minute * 60_000, false)).toBe(false);
});

it('numbers that move on are written once a minute, and each time while tables are copied', () => {
  const lines = new PlainLines();
  const written = Array.from({ length: 25 }, (_, n) => lines.isWorth(line(n, n), n * 5_000, false));
  expect(written.filter(Boolean)).toHaveLength(3);
  expect(lines.isWorth(line(100, 1), 121_000, true)).toBe(true);
});

it('what is new in words is written at once', () => {
  const lines = new PlainLines();
  lines.isWorth(line(5, 20), 0, false);
  expect(lines.isWorth(line(6, 20, ' · problem: no answer'), 5_000, false)).toBe(true);
  expect(lines.isWorth(line(7, 20), 10_000, false)).toBe(true);
  expect(lines.isWorth('p: paused · 2 writers', 15_000, false)).toBe(true);
});
