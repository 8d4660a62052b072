import { expect, it } from 'vitest';
import { formatByteSize, parseByteSize } from './byte-size.ts';
import { formatDuration, parseDuration } from './duration.ts';

it('a size is read in units of 1024 and written in the largest that fits', () => {
  expect(parseByteSize('50GB')).toBe(50 * 1024 ** 3);
  expect(parseByteSize('1.5 MB')).toBe(1.5 * 1024 ** 2);
  for (const text of ['50', '50gb', 'GB', '-1GB', '0GB', '1e3MB', '999999999TB'])
    expect(parseByteSize(text), text).toBeUndefined();
  expect([0, 1_536, 50 * 1024 ** 3, 5_000 * 1024 ** 4].map(formatByteSize)).toEqual([
    '0 kB',
    '1.5 kB',
    '50 GB',
    '5000 TB',
  ]);
});

it('a duration is read with its unit and written in the one that people would say', () => {
  expect(['90s', '30m', '4h', '2d'].map(parseDuration)).toEqual([
    90_000, 1_800_000, 14_400_000, 172_800_000,
  ]);
  for (const text of ['4', 'h', '4 h', '-4h', '1.5h'])
    expect(parseDuration(text), text).toBeUndefined();
  expect([4_000, 600_000, 4 * 3_600_000, 80 * 3_600_000].map(formatDuration)).toEqual([
    '4 s',
    '10 min',
    '4 h',
    '3 days',
  ]);
});
