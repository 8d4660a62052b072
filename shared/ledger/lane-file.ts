import type { ChangeCounts } from '../change/change-counts.ts';
import { addCounts, type LaneRecord } from '../state/records.ts';
import { holds, type StateChange } from '../state/state-step.ts';

/** A lane with its counts, as it lies in its file. */
export interface LaneFile extends Omit<LaneRecord, 'parked'> {
  /** Left out before version 3. */
  parked?: boolean;
  counts: Record<string, ChangeCounts>;
  filtered?: Record<string, ChangeCounts>;
  /** The last step over several files that has come to this one. */
  step?: number;
}

export function toLaneRecord({
  counts: _,
  filtered: __,
  step: ___,
  parked = false,
  ...lane
}: LaneFile): LaneRecord {
  return { ...lane, parked };
}

/** Null where something that a change expects does not hold. */
export function changeLane(
  file: LaneFile | null,
  changes: readonly StateChange[],
): LaneFile | null {
  let lane = file;
  for (const change of changes) {
    if (change.kind === 'insert' && change.table === 'lane') {
      // One is left of a plan that had more lanes than the one after it; its owner is one no more.
      const epoch = lane === null ? change.row.epoch : lane.epoch + 1;
      lane = { counts: {}, filtered: {}, ...lane, ...change.row, epoch };
    } else if (lane === null) return null;
    else if (change.kind === 'add')
      lane =
        change.table === 'count'
          ? { ...lane, counts: addCounts(lane.counts, change.counts) }
          : { ...lane, filtered: addCounts(lane.filtered ?? {}, change.counts) };
    else if (change.kind === 'update' && change.table === 'lane') {
      if (!holds(toLaneRecord(lane), change)) return null;
      lane = { ...lane, ...change.set };
    }
    // Removed is a lane that the plan has no more: it is not read.
  }
  return lane;
}
