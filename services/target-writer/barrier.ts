import { partTarget } from '../../shared/change/namespace-part.ts';
import type { Frame } from '../../shared/change/frame.ts';
import type { LaneBatch, LaneProgress } from '../../shared/connector/sink.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import type { Barrier } from '../../shared/change/barrier.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { failpoint } from '../../shared/lifecycle/failpoint.ts';
import type { WriterContext } from './writer-context.ts';

/** The lane that carries barriers out; the others wait for it. */
const EXECUTOR = 0;
/** Between two looks; each look writes at the target, and a lane may wait for as long as a copy takes. */
const FIRST_POLL_MS = 25;
const MAX_POLL_MS = 400;

/**
 * Waits until all lanes have come to the barrier and the executor has carried it out, once. Returns the lane's
 * progress behind it, or null when aborted: the frame then comes again. Lanes meet in the target, not in this
 * process, so they may have different owners, and an owner may die while waiting.
 */
export async function carryOutBarrier(
  { sink, log }: WriterContext,
  before: LaneProgress,
  frame: Frame,
  barrier: Barrier,
  signal: AbortSignal,
): Promise<LaneProgress | null> {
  const after: LaneProgress = {
    ...before,
    readerEpoch: frame.readerEpoch,
    sequence: frame.sequence,
    position: frame.last > before.position ? frame.last : before.position,
  };
  const step: LaneBatch = { before, after, changes: [], counts: new Map() };
  if (frame.last <= before.position) {
    await sink.writeUpdates(step);
    return after;
  }
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(2 * pollMs, MAX_POLL_MS)) {
    const allThere = await sink.arriveAtBarrier(before, frame.last);
    if (before.lane === EXECUTOR && allThere) {
      failpoint('barrier-reached');
      await sink.runBarrier({ ...step, counts: countsOf(barrier) }, barrier);
      failpoint('barrier-carried-out');
      log.info({ kind: barrier.kind, position: frame.last }, 'barrier carried out');
      return after;
    }
    if (before.lane !== EXECUTOR && (await sink.barrierDone(frame.last))) {
      await sink.writeUpdates(step);
      failpoint('barrier-passed');
      return after;
    }
    await pause(pollMs, signal);
    if (signal.aborted) return null;
  }
}

export function countsOf(barrier: Barrier): Map<string, ChangeCounts> {
  const none = { inserts: 0, updates: 0, deletes: 0, truncates: 0 };
  switch (barrier.kind) {
    case 'truncate':
      return new Map(
        barrier.relations
          .filter(({ namespace }) => partTarget(namespace) === null)
          .map(({ namespace }) => [namespace, { ...none, truncates: 1 }]),
      );
    case 'move':
      return new Map([[barrier.relation.namespace, { ...none, updates: barrier.moves.length }]]);
    case 'relation':
      return new Map();
  }
}
