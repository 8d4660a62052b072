import type { NamespacePlan, PipelinePlan } from '../connector/plan.ts';
import { WeirError } from '../errors/weir-error.ts';

/**
 * A plan as it was last saved: `chunks` are those that were missing then, `chunksDone` and `rowsDone` what was in before
 * them. What has come since is in the marks.
 */
export type StoredPlan = PipelinePlan;

/** The plan as it is by now. */
export function currentPlan(stored: StoredPlan, marks: ReadonlyMap<number, number>): PipelinePlan {
  return { ...stored, namespaces: stored.namespaces.map((each) => current(each, marks)) };
}

function current(stored: NamespacePlan, marks: ReadonlyMap<number, number>): NamespacePlan {
  const chunks = stored.chunks.filter(({ id }) => !marks.has(id));
  const done = stored.chunks.filter(({ id }) => marks.has(id));
  return {
    ...stored,
    state: chunks.length === 0 ? 'ready' : 'copying',
    chunks,
    chunksDone: stored.chunksDone + done.length,
    rowsDone: stored.rowsDone + done.reduce((sum, { id }) => sum + marks.get(id)!, 0),
  };
}

/** What to store of a plan where `known` is stored already; what a reader could not know of it yet is kept. */
export function mergePlan(
  known: StoredPlan | null,
  plan: PipelinePlan,
  marks: ReadonlyMap<number, number>,
): StoredPlan {
  if (known === null) return plan;
  if (hasMoved(known, plan) && !startsAnew(plan))
    throw new WeirError(
      'INTERNAL',
      'the plan of the pipeline starts elsewhere than what the target has of it',
    );
  const before = new Map(
    currentPlan(known, marks).namespaces.map((each) => [each.relation.namespace, each]),
  );
  const planned = new Set(plan.namespaces.map(({ relation }) => relation.namespace));
  const kept = known.namespaces.filter(({ relation }) => !planned.has(relation.namespace));
  return {
    ...plan,
    namespaces: [
      ...kept,
      ...plan.namespaces.map((each) => {
        const has = before.get(each.relation.namespace);
        if (has === undefined || each.state === 'new' || each.state === 'restart')
          return { ...each, chunksDone: 0, rowsDone: 0 };
        if (each.state === 'ready') return { ...has, chunks: [] };
        const chunks = each.chunks.filter(({ id }) => !marks.has(id));
        return { ...each, chunks, chunksDone: has.chunksDone, rowsDone: has.rowsDone };
      }),
    ],
  };
}

export function hasMoved(known: StoredPlan, plan: PipelinePlan): boolean {
  return known.start !== plan.start || known.lanes !== plan.lanes;
}

function startsAnew({ namespaces }: PipelinePlan): boolean {
  return namespaces.every(({ state }) => state === 'new' || state === 'restart');
}
