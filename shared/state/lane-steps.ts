import { minPosition, type Position } from '../change/position.ts';
import type { LaneBatch, LaneProgress } from '../connector/sink.ts';
import { WeirError } from '../errors/weir-error.ts';
import type { LaneRecord } from './records.ts';
import type { AddCounts, StateStep, Update } from './state-step.ts';

export type LaneMove = Pick<LaneBatch, 'before' | 'after' | 'counts' | 'filtered'>;

/**
 * A lane goes from `before` to `after` with what its batch counts. A reader that has begun since then has put its epoch
 * into the lane, which then takes that reader's frames only. `parked`: what the lane must say of parked entries.
 */
export function moveLane(
  batch: LaneMove,
  note?: unknown,
  parked?: boolean,
): [Update<'lane'>, ...AddCounts[]] {
  const { before, after } = batch;
  const { lane, epoch, position } = before;
  const set = {
    readerEpoch: after.readerEpoch,
    sequence: after.sequence,
    position: after.position,
    ...(note !== undefined && { note }),
  };
  const oneOf = [
    { readerEpoch: before.readerEpoch, sequence: before.sequence },
    { readerEpoch: after.readerEpoch, sequence: 0 },
  ];
  const move = { kind: 'update', table: 'lane', key: { lane } } as const;
  const expect = { epoch, position, ...(parked !== undefined && { parked }) };
  return [{ ...move, expect, oneOf, set }, ...addBatch(batch)];
}

/** What a batch counts: of what was applied, and of what was left out. */
export function addBatch({ before, counts, filtered }: Omit<LaneMove, 'after'>): AddCounts[] {
  const { lane } = before;
  return [
    ...(filtered === undefined || filtered.size === 0
      ? []
      : [{ kind: 'add' as const, table: 'filtered' as const, lane, counts: filtered }]),
    ...(counts.size === 0 ? [] : [{ kind: 'add' as const, table: 'count' as const, lane, counts }]),
  ];
}

/** The epoch grows, if the lane is still as it was read: what is returned of it must be what the new owner finds. */
export function openLane(found: LaneRecord): { step: StateStep; opened: LaneProgress } {
  const { lane, epoch, readerEpoch, sequence, position } = found;
  const expect = { epoch, readerEpoch, sequence, position };
  const set = { epoch: epoch + 1 };
  return {
    step: [{ kind: 'update', table: 'lane', key: { lane }, expect, set, takes: true }],
    opened: { lane, readerEpoch, sequence, position, ...set },
  };
}

/**
 * A writer may hold frames of an earlier reader, such as those of a table whose gate is shut, and the next plan may copy
 * that table anew: they must not come on top. Null where the lane takes none of them already.
 */
export function fenceLane({ lane, readerEpoch }: LaneRecord, begun: number): StateStep | null {
  if (readerEpoch >= begun) return null;
  const set = { readerEpoch: begun, sequence: 0 };
  return [
    { kind: 'update', table: 'lane', key: { lane }, expect: { readerEpoch }, set, takes: true },
  ];
}

export function arriveAtBarrier({ lane, epoch }: LaneProgress, barrier: Position): StateStep {
  return [{ kind: 'update', table: 'lane', key: { lane }, expect: { epoch }, set: { barrier } }];
}

export function allArrived(lanes: readonly LaneRecord[], at: Position): boolean {
  return (
    lanes.length > 0 &&
    lanes.every(({ position, barrier }) => position >= at || (barrier !== null && barrier >= at))
  );
}

/** Lane 0 carries a barrier out, and moves on in the same step. */
export function barrierDone(lanes: readonly LaneRecord[], at: Position): boolean {
  const first = lanes.find(({ lane }) => lane === 0);
  return first !== undefined && first.position >= at;
}

/**
 * Where the lanes stand. One that has come to a barrier which was carried out is behind it, though its owner may not have
 * noted so: what is sent to it again would be chosen by the key and the rule of now, and not by those of before the
 * barrier.
 */
export function toProgress(lanes: readonly LaneRecord[]): LaneProgress[] {
  return lanes.map(({ lane, epoch, readerEpoch, sequence, position, barrier }) => {
    const passed = barrier !== null && barrierDone(lanes, barrier) && barrier > position;
    return { lane, epoch, readerEpoch, sequence, position: passed ? barrier : position };
  });
}

export function leastPosition(lanes: readonly LaneRecord[]): Position | null {
  return minPosition(lanes.map(({ position }) => position));
}

export function fencedLane({ before: { lane, epoch, sequence } }: Pick<LaneBatch, 'before'>) {
  return new WeirError(
    'FENCED',
    `lane ${lane} is no longer at epoch ${epoch}, sequence ${sequence}: another writer has it, or this batch is in already`,
    { details: { lane, epoch } },
  );
}
