import type { ChangeCounts } from '../change/change-counts.ts';

export const CHANGE_KINDS = ['inserts', 'updates', 'deletes', 'truncates'] as const;

export function noChanges(): ChangeCounts {
  return { inserts: 0, updates: 0, deletes: 0, truncates: 0 };
}

export function addChanges(sum: ChangeCounts, more: Readonly<ChangeCounts>): void {
  for (const kind of CHANGE_KINDS) sum[kind] += more[kind];
}

export function countChanges(counts: Readonly<ChangeCounts>): number {
  return CHANGE_KINDS.reduce((sum, kind) => sum + counts[kind], 0);
}
