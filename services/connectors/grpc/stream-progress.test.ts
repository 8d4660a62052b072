import { expect, it } from 'vitest';
import { StreamProgress } from './stream-progress.ts';

function opened(counts: boolean): StreamProgress {
  const progress = new StreamProgress(counts);
  progress.opened(0);
  return progress;
}

it('a stream that was just opened is not taken for one that has no more to give, as one is that has spoken', () => {
  const progress = opened(false);
  expect(progress.hasComeTo(1, 5_000)).toBe(false);
  expect(progress.hasComeTo(1, 10_000)).toBe(true);
  progress.heard(1, true, null, 5_000);
  expect(progress.hasComeTo(1, 6_900)).toBe(false);
  expect(progress.hasComeTo(1, 7_000)).toBe(true);
});

it('where the source counts, silence says nothing before there is a count, and as long as something is to come', () => {
  const progress = opened(true);
  expect(progress.hasComeTo(1, 20_000)).toBe(false);
  progress.counted(3, 20_000);
  expect(progress.behind).toBe(3);
  expect(progress.hasComeTo(1, 30_000)).toBe(false);
  progress.heard(3, true, null, 31_000);
  expect(progress.hasComeTo(1, 31_000)).toBe(true);
  expect(progress.hasComeTo(25_000, 31_000)).toBe(false);
  const silent = opened(true);
  silent.countEnded();
  expect(silent.hasComeTo(1, 10_000)).toBe(true);
});

it('what comes again behind a break is not counted twice', () => {
  const progress = opened(true);
  progress.heard(5, true, null, 1);
  progress.heard(4, false, null, 2);
  progress.closed(false, 3);
  progress.opened(4);
  progress.counted(20, 5);
  expect(progress.behind).toBe(15);
  progress.heard(4, true, null, 6);
  expect(progress.behind).toBe(11);
});

it('a message with a cursor only, or with a time, says that everything before has come', () => {
  const idle = opened(false);
  idle.heard(0, true, null, 100);
  expect([idle.hasComeTo(100, 100), idle.hasComeTo(101, 101)]).toEqual([true, false]);
  const timed = opened(false);
  timed.heard(2, true, 90, 100);
  expect([timed.hasComeTo(90, 100), timed.hasComeTo(91, 100)]).toEqual([true, false]);
});
