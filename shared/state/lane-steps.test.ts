import { describe, expect, it } from 'vitest';
import { toPosition } from '../change/position.ts';
import type { LaneProgress } from '../connector/sink.ts';
import {
  allArrived,
  barrierDone,
  fenceLane,
  moveLane,
  openLane,
  toProgress,
} from './lane-steps.ts';
import type { LaneRecord } from './records.ts';
import { holds } from './state-step.ts';

const at = (n: number) => toPosition(BigInt(n), 0n);

const record = (more: Partial<LaneRecord> = {}): LaneRecord => ({
  lane: 0,
  epoch: 3,
  readerEpoch: 7,
  sequence: 5,
  position: at(10),
  barrier: null,
  parked: false,
  ...more,
});

describe('a lane moves', () => {
  const before: LaneProgress = { lane: 0, epoch: 3, readerEpoch: 7, sequence: 5, position: at(10) };
  it.each<[string, Partial<LaneRecord>, Partial<LaneProgress>, boolean]>([
    ['from where its batch begins', {}, {}, true],
    ['for an owner whose epoch has passed', { epoch: 4 }, {}, false],
    ['twice', { sequence: 6, position: at(11) }, {}, false],
    ['from another position', { position: at(9) }, {}, false],
    ['for an earlier reader', { readerEpoch: 8, sequence: 0 }, {}, false],
    ['for the reader that has begun', { readerEpoch: 8, sequence: 0 }, { readerEpoch: 8 }, true],
    ['for that reader, twice', { readerEpoch: 8, sequence: 1 }, { readerEpoch: 8 }, false],
  ])('%s: %o %o -> %s', (_, found, after, moves) => {
    const batch = {
      before,
      after: { ...before, sequence: 6, position: at(11), ...after },
      counts: new Map(),
    };
    const [move, ...counts] = moveLane(batch);
    expect(holds(record(found), move)).toBe(moves);
    expect(move.set).toEqual({
      readerEpoch: after.readerEpoch ?? 7,
      sequence: 6,
      position: at(11),
    });
    expect(counts).toEqual([]);
  });
});

it('a lane is opened only as it was found, so that its new owner begins where it stands', () => {
  const { step, opened } = openLane(record());
  expect(opened).toEqual({ lane: 0, epoch: 4, readerEpoch: 7, sequence: 5, position: at(10) });
  const [change] = step;
  if (change?.kind !== 'update' || change.table !== 'lane') throw new Error('not an update');
  expect(holds(record(), change)).toBe(true);
  for (const moved of [{ epoch: 4 }, { sequence: 6 }, { position: at(11) }, { readerEpoch: 8 }])
    expect(holds(record(moved), change)).toBe(false);
});

it('a lane takes frames of a reader that has begun, and is fenced for it once', () => {
  expect(fenceLane(record({ readerEpoch: 7 }), 8)).toMatchObject([
    { set: { readerEpoch: 8, sequence: 0 } },
  ]);
  expect(fenceLane(record({ readerEpoch: 8 }), 8)).toBeNull();
});

it('a barrier waits for every lane, and is done when lane 0 is behind it', () => {
  const lanes = [record(), record({ lane: 1, position: at(20) })];
  expect(allArrived(lanes, at(15))).toBe(false);
  lanes[0]!.barrier = at(15);
  expect(allArrived(lanes, at(15))).toBe(true);
  expect(barrierDone(lanes, at(15))).toBe(false);
  lanes[0]!.position = at(15);
  expect(barrierDone(lanes, at(15))).toBe(true);
  expect(allArrived([], at(15))).toBe(false);
});

it('a lane that has come to a barrier which was carried out is behind it', () => {
  const waiting = record({ lane: 1, position: at(12), barrier: at(15) });
  const done = toProgress([record({ position: at(15) }), waiting]);
  expect(done[1]!.position).toBe(at(15));
  const open = toProgress([record({ position: at(14) }), waiting]);
  expect(open[1]!.position).toBe(at(12));
  const gone = toProgress([record({ position: at(15) }), { ...waiting, position: at(18) }]);
  expect(gone[1]!.position).toBe(at(18));
});
