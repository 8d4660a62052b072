import { expect, it } from 'vitest';
import { toPosition, type Position } from '../../shared/change/position.ts';
import { MarkerLag } from './marker-lag.ts';

const at = (n: number): Position => toPosition(BigInt(n), 0n);

function twoLanes(): MarkerLag {
  const lag = new MarkerLag();
  for (const lane of [0, 1]) lag.onPosition(lane, at(10), 0);
  return lag;
}

it('is unknown until a marker has come through every lane', () => {
  const lag = twoLanes();
  lag.onMarker(at(20), 1_000, 1_010);
  lag.onPosition(0, at(20), 1_040);
  expect(lag.lagMs(0, 1_050)).toBe(40);
  expect(lag.overallMs(1_050)).toBeNull();
  lag.onPosition(1, at(25), 1_100);
  expect(lag.overallMs(1_200)).toBe(100);
});

it('grows while a marker is owed, by the oldest of them', () => {
  const lag = twoLanes();
  lag.onMarker(at(5), 0, 10);
  lag.onMarker(at(20), 1_000, 1_010);
  lag.onMarker(at(30), 2_000, 2_010);
  expect(lag.overallMs(9_000)).toBe(8_000);
  for (const lane of [0, 1]) lag.onPosition(lane, at(20), 9_000);
  expect(lag.overallMs(9_000)).toBe(8_000);
  expect(lag.awaitedMs(0, 9_000)).toBe(7_000);
  for (const lane of [0, 1]) lag.onPosition(lane, at(30), 9_100);
  expect(lag.awaitedMs(0, 9_100)).toBe(0);
});

it('is small again with the first marker that comes through quickly, also where the source stands still', () => {
  const lag = twoLanes();
  lag.onMarker(at(20), 0, 10);
  for (const lane of [0, 1]) lag.onPosition(lane, at(20), 30_000);
  expect(lag.overallMs(30_000)).toBe(30_000);
  lag.onMarker(at(20), 31_000, 31_005);
  expect(lag.overallMs(40_000)).toBe(5);
});

it('one slow lane is the lag of all', () => {
  const lag = twoLanes();
  lag.onMarker(at(5), 0, 1);
  lag.onMarker(at(20), 1_000, 1_001);
  lag.onPosition(0, at(20), 1_020);
  expect(lag.lagMs(0, 6_000)).toBe(20);
  expect(lag.overallMs(6_000)).toBe(5_000);
});
