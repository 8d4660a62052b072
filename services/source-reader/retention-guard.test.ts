import { describe, expect, it } from 'vitest';
import type { Retention } from '../../shared/connector/source.ts';
import { RetentionGuard } from './retention-guard.ts';

const MB = 1024 ** 2;
const HOUR_MS = 3_600_000;

const kept = (retainedMb: number, limitMb: number | null = null): Retention => ({
  retainedBytes: retainedMb * MB,
  limitBytes: limitMb === null ? null : limitMb * MB,
  state: 'kept',
});

function guard(limitMb: number | null, onLimit: 'keep' | 'stop' = 'keep'): RetentionGuard {
  const limitBytes = limitMb === null ? null : limitMb * MB;
  return new RetentionGuard({ limitBytes, onLimit, warnWithinMs: HOUR_MS });
}

describe('what the source keeps', () => {
  it('is told with its growth and the time until it is full', () => {
    const g = guard(1_000);
    g.observe(kept(100), 0);
    expect(g.observe(kept(150), 10_000)).toMatchObject({
      growthBytesPerSecond: 5 * MB,
      secondsToLimit: 170,
    });
  });

  it('is measured against the lower of the two limits, and not at all without one', () => {
    expect(guard(1_000).observe(kept(1, 500), 0).limitBytes).toBe(500 * MB);
    expect(guard(100).observe(kept(1, 500), 0).limitBytes).toBe(100 * MB);
    expect(guard(null).observe(kept(10_000_000), 0)).toMatchObject({
      limitBytes: null,
      warning: null,
    });
  });

  it('warns at four fifths, and until it is below three fifths again', () => {
    const g = guard(1_000);
    const warned = [700, 810, 790, 650, 590, 700].map(
      (mb, i) => g.observe(kept(mb), i * HOUR_MS).warning !== null,
    );
    expect(warned).toEqual([false, true, true, true, false, false]);
  });

  it('warns when it will be full within the time asked for, but not of a burst', () => {
    const g = guard(100_000);
    expect(g.observe(kept(10_000), 0).warning).toBeNull();
    // 100 MB a second: full in a quarter of an hour.
    expect(g.observe(kept(11_000), 10_000).warning).toBeNull();
    const { warning } = g.observe(kept(16_000), 60_000);
    expect(warning).toMatch(/16 GB of its log.*98 GB.*100 MB a second: full in about 14 min/);
  });

  it('says which limit it is and what happens beyond it', () => {
    expect(guard(100).observe(kept(90), 0).warning).toMatch(
      /retention\.limit.*nothing is released/,
    );
    expect(guard(100, 'stop').observe(kept(90), 0).warning).toMatch(/only a new copy helps/);
    expect(guard(null).observe(kept(90, 100), 0).warning).toMatch(/store's own.*only a new copy/);
  });

  it('is given up only beyond the limit that the file names, and only where it says stop', () => {
    expect(guard(100, 'stop').reasonToGiveUp(kept(101))).toMatch(
      /held back 101 MB.*limit is 100 MB/,
    );
    expect(guard(100, 'stop').reasonToGiveUp(kept(100))).toBeNull();
    expect(guard(100, 'keep').reasonToGiveUp(kept(101))).toBeNull();
    expect(guard(null).reasonToGiveUp(kept(101, 100))).toBeNull();
  });

  it('warns when the store has given it up', () => {
    const lost: Retention = { retainedBytes: 0, limitBytes: null, state: 'lost' };
    expect(guard(null).observe(lost, 0).warning).toMatch(/no longer has the log/);
  });
});
