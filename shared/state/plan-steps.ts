import type { RelationPlan } from '../change/relation.ts';
import type { NamespacePlan, PipelinePlan } from '../connector/plan.ts';
import { WeirError } from '../errors/weir-error.ts';
import type { ChunkRecord, LaneRecord, PipelineRecord } from './records.ts';
import type { StateChange, StateStep } from './state-step.ts';
import { settleNamespaces } from './quarantine/quarantine-steps.ts';

/** What is known of a pipeline when a plan comes for it. */
export interface Known {
  pipeline: PipelineRecord;
  namespaces: ReadonlySet<string>;
  lanes: readonly LaneRecord[];
}

export interface NewPlan {
  plan: PipelinePlan;
  ordering: PipelineRecord['ordering'];
  /** Nothing will be added to the namespaces once all are ready. */
  linked: boolean;
}

/** Stores a plan: new, or going on from the one that is known. What it does not name stays. */
export function savePlan(known: Known, given: NewPlan): StateStep {
  const { namespaces } = given.plan;
  return [
    ...forgetParked(known, namespaces),
    ...saveLanes(known, given),
    ...namespaces.flatMap((each) => saveNamespace(known, each, given.linked)),
    ...namespaces.flatMap((each) => saveChunks(known, each)),
  ];
}

/** Of a namespace that is not known nothing may be left, since somebody had it forgotten: it comes anew. */
export function isAnew({ namespaces }: Known, { relation, state }: NamespacePlan): boolean {
  return state === 'restart' || !namespaces.has(relation.namespace);
}

/**
 * What was aside of a namespace that is copied anew is of the old; its changes were not made in vain, so they count as
 * applied, as those of a table that is emptied do.
 */
export function forgetParked(known: Known, namespaces: readonly NamespacePlan[]): StateChange[] {
  if (!known.lanes.some(({ parked }) => parked)) return [];
  const anew = namespaces.filter((each) => each.state !== 'ready' && isAnew(known, each));
  return settleNamespaces(anew.map(({ relation }) => relation.namespace));
}

/** Chunks that are missing and that the plan has no more were cut from a snapshot that is gone. */
export function saveChunks(known: Known, plan: NamespacePlan): StateChange[] {
  if (plan.state === 'ready') return [];
  const { namespace } = plan.relation;
  const rows = plan.chunks.map((chunk): ChunkRecord => ({
    id: chunk.id,
    namespace,
    chunk,
    done: false,
    careful: false,
    batchKey: null,
    rows: null,
    filtered: 0,
  }));
  const except = rows.map(({ id }) => id);
  return [
    isAnew(known, plan)
      ? { kind: 'remove', table: 'chunk', where: { namespace } }
      : { kind: 'remove', table: 'chunk', where: { namespace, done: false }, except },
    ...(rows.length === 0
      ? []
      : [{ kind: 'put' as const, table: 'chunk' as const, rows, keep: { done: true } }]),
  ];
}

/** The shape of one that is known and ready changes by barriers only. */
export function saveNamespace(
  { namespaces }: Known,
  { relation, definition, start, settled, state }: NamespacePlan,
  linked: boolean,
): StateChange[] {
  const { namespace } = relation;
  if (!namespaces.has(namespace)) {
    const row = { namespace, relation, definition, start, settled, ready: false, linked };
    return [{ kind: 'insert', table: 'namespace', row }];
  }
  if (state === 'ready') return [];
  const anew = state === 'restart' ? { ready: false } : {};
  const set = { relation, definition, start, settled, ...anew };
  return [{ kind: 'update', table: 'namespace', key: { namespace }, expect: {}, set }];
}

export function hasMoved({ start, lanes }: PipelineRecord, plan: PipelinePlan): boolean {
  return start !== null && (start !== plan.start || lanes !== plan.lanes);
}

/** A plan that starts elsewhere is only right if nothing of the old one is kept; its lanes then start there too. */
export function saveLanes({ pipeline, lanes }: Known, { plan, ordering }: NewPlan): StateChange[] {
  const { identity, start, snapshot, namespaces } = plan;
  const anew = namespaces.every(({ state }) => state === 'new' || state === 'restart');
  const moved = hasMoved(pipeline, plan);
  if (moved && !anew)
    throw new WeirError(
      'INTERNAL',
      'the plan of the pipeline starts elsewhere than what the target has of it',
    );
  const set = { identity, start, snapshot: snapshot ?? null, lanes: plan.lanes, ordering };
  const expect = { readerEpoch: pipeline.readerEpoch };
  const changes: StateChange[] = [{ kind: 'update', table: 'pipeline', key: {}, expect, set }];
  const begin = { readerEpoch: 0, sequence: 0, position: start, barrier: null };
  for (let lane = 0; lane < plan.lanes; lane++) {
    const { epoch } = lanes.find((each) => each.lane === lane) ?? {};
    if (epoch === undefined)
      changes.push({
        kind: 'insert',
        table: 'lane',
        row: { lane, epoch: 0, ...begin, parked: false },
      });
    else if (moved)
      changes.push({
        kind: 'update',
        table: 'lane',
        key: { lane },
        expect: { epoch },
        set: { epoch: epoch + 1, ...begin },
      });
  }
  if (moved)
    for (const { lane } of lanes.filter((each) => each.lane >= plan.lanes))
      changes.push({ kind: 'remove', table: 'lane', where: { lane } });
  // Those that were just made are to say of the parked what the others say.
  if (lanes.some(({ parked }) => parked)) changes.push({ kind: 'mark', parked: 'found' });
  return changes;
}

/** Throws FENCED where another reader has begun. */
export function requireReader(
  pipeline: PipelineRecord | null,
  readerEpoch: number,
): asserts pipeline is PipelineRecord {
  if (pipeline?.readerEpoch !== readerEpoch)
    throw new WeirError(
      'FENCED',
      `another reader of the pipeline has started since epoch ${readerEpoch}`,
    );
}

/** Its copy is in, and nothing is missing for its changes. */
export function finishNamespace(namespace: string): StateStep {
  const expect = { ready: false };
  return [{ kind: 'update', table: 'namespace', key: { namespace }, expect, set: { ready: true } }];
}

/** The new shape of a namespace. */
export function changeRelation({ relation, definition }: RelationPlan): StateStep {
  const key = { namespace: relation.namespace };
  return [{ kind: 'update', table: 'namespace', key, expect: {}, set: { relation, definition } }];
}
