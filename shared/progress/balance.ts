import { sourceOf } from '../change/namespace-part.ts';
import type { PipelineProgress } from '../connector/sink.ts';
import type { ChangeCounts } from '../change/change-counts.ts';
import { addChanges, noChanges } from './change-kinds.ts';

/**
 * Every change is accounted for: read = applied + filtered + parked + discarded + on its way, for each namespace and
 * kind. What the target has settled is all but the last, all from its own transactions.
 */
export function settledCounts(
  progress: Pick<PipelineProgress, 'applied' | 'filtered' | 'parked' | 'discarded'> | null,
): Record<string, ChangeCounts> {
  if (progress === null) return {};
  return addCounts([progress.applied, progress.filtered, progress.parked, progress.discarded]);
}

export function addCounts(
  counts: readonly Readonly<Record<string, ChangeCounts>>[],
): Record<string, ChangeCounts> {
  const total: Record<string, ChangeCounts> = {};
  for (const each of counts)
    for (const [namespace, more] of Object.entries(each))
      addChanges((total[sourceOf(namespace)] ??= noChanges()), more);
  return total;
}

/** Parked entries, rows of the copy included. */
export function countParked(progress: Pick<PipelineProgress, 'parked'> | null): number {
  return Object.values(progress?.parked ?? {}).reduce((sum, { entries }) => sum + entries, 0);
}
