import { formatDuration } from '../../shared/config/duration.ts';
import type { Difference, Verdict } from '../../shared/progress/pipeline-report.ts';
import type { ReaderStatus } from '../../shared/progress/status.ts';

/** Work waits, and nothing was committed for so long. */
export const STUCK_MS = 30_000;
export const BEHIND_MS = 5_000;
/** Nothing was read or committed for so long. */
export const IDLE_MS = 10_000;

/** A service that says nothing for so long is not there. */
export const HEARING_MS = 10_000;

export interface HealthFacts {
  /** How long this service has watched. */
  watchedMs: number;
  /** Null: no source-reader was heard lately. */
  phase: ReaderStatus['phase'] | null;
  writers: number;
  /** Of any service, the first. */
  problem: string | null;
  difference: Difference | null;
  copy: { chunksTotal: number; chunksDone: number; namespacesLeft: number } | null;
  inFlight: number | null;
  /** Null while unknown. */
  lagMs: number | null;
  /** The lane that owes a marker for the longest, and its owner. */
  slowest: { lane: number; owner: string | null; owesMs: number; stoodMs: number } | null;
  /** Since anything was committed at the target, as far as this service has watched. */
  stoodMs: number;
  /** Since the counts of what was read or settled last moved. */
  quietMs: number;
}

/** What to call a pipeline's condition. Total, and without memory: the same facts give the same verdict. */
export function evaluateHealth(facts: HealthFacts): Verdict {
  const { phase, difference, problem } = facts;
  if (phase === 'failed')
    return {
      state: 'failed',
      reason: problem ?? 'the source-reader has failed; its log says why',
    };
  if (difference !== null) return { state: 'unbalanced', reason: unbalanced(difference) };
  if (phase === null && facts.watchedMs < HEARING_MS)
    return { state: 'starting', reason: 'no source-reader has connected yet' };
  if (phase === null)
    return {
      state: 'down',
      reason:
        'no source-reader is connected, so nothing is read; start it, or look why it does not answer',
    };
  if (phase === 'finished') return { state: 'finished', reason: 'everything is copied' };
  if (phase === 'paused' || phase === 'stopped')
    return { state: phase, reason: `as wanted; \`weir resume\` lets it run` };
  const stuck = stuckBecause(facts);
  if (stuck !== null) return { state: 'stuck', reason: stuck };
  if (phase === 'starting')
    return { state: 'starting', reason: problem ?? 'services are connecting and making a plan' };
  if (phase === 'snapshotting') return { state: 'copying', reason: copying(facts) };
  return following(facts);
}

function following({ inFlight, lagMs, slowest, quietMs }: HealthFacts): Verdict {
  const lateMs = Math.max(lagMs ?? 0, slowest?.owesMs ?? 0);
  const waiting = inFlight ?? 0;
  if (lateMs >= BEHIND_MS && (waiting > 0 || (slowest?.owesMs ?? 0) >= BEHIND_MS))
    return {
      state: 'behind',
      reason: `changes arrive ${formatDuration(lateMs)} late, ${waiting} are in flight${slowest === null ? '' : `; lane ${slowest.lane} is the last`}`,
    };
  if (waiting === 0 && quietMs >= IDLE_MS)
    return { state: 'idle', reason: 'the target is up to date, and the source does not change' };
  return { state: 'following', reason: 'changes arrive as they are made' };
}

function copying({ copy }: HealthFacts): string {
  if (copy === null) return 'the plan of the copy is being made';
  const { chunksDone, chunksTotal, namespacesLeft } = copy;
  return chunksDone < chunksTotal
    ? `${chunksDone} of ${chunksTotal} chunks are in`
    : `every chunk is in; ${namespacesLeft} namespaces get their indexes and constraints`;
}

function stuckBecause(facts: HealthFacts): string | null {
  const { phase, writers, problem, copy, inFlight, slowest, stoodMs } = facts;
  const stood = `for ${formatDuration(stoodMs)}`;
  if (stoodMs >= STUCK_MS && problem !== null) return `nothing was committed ${stood}: ${problem}`;
  if (phase === 'snapshotting') {
    const missing = copy === null ? 0 : copy.chunksTotal - copy.chunksDone;
    if (stoodMs < STUCK_MS || missing === 0) return null;
    return writers === 0
      ? `${missing} chunks wait, and no target-writer is connected; start one`
      : `${missing} chunks wait, and none was committed ${stood}; look for locks or load at the target`;
  }
  const isLaneStuck = slowest !== null && slowest.owesMs >= STUCK_MS && slowest.stoodMs >= STUCK_MS;
  const isAllStuck =
    stoodMs >= STUCK_MS && ((inFlight ?? 0) > 0 || (slowest?.owesMs ?? 0) >= STUCK_MS);
  if (isAllStuck || (isLaneStuck && writers === 0)) {
    const what = `${inFlight ?? 'an unknown number of'} changes wait, and nothing was committed ${stood}`;
    return writers === 0
      ? `${what}: no target-writer is connected; start one`
      : `${what}; look for locks or load at the target, and at the log of the writers`;
  }
  if (!isLaneStuck) return null;
  return `lane ${slowest.lane} has committed nothing for ${formatDuration(slowest.stoodMs)} while others go on; ${slowest.owner === null ? 'no writer works on it: start one' : (problem ?? `look at the log of its writer ${slowest.owner}`)}`;
}

function unbalanced({ namespace, kind, read, settled }: Difference): string {
  return `${namespace}: ${read} ${kind} were read and ${settled} are accounted for at the target, with nothing in flight; run \`weir verify\`, and do not trust the target before it says equal`;
}
