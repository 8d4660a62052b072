import type { NamespacePlan, PipelinePlan } from '../connector/plan.ts';
import type { PipelineRecord } from '../state/records.ts';
import type { Planned, Standing } from '../state/state-store.ts';
import { holds, type StateChange } from '../state/state-step.ts';
import type { ParkedFileChange } from './parked-file.ts';

/** The pipeline with its plan, as it lies in its file. */
export interface PipelineFile {
  /** Left out in version 1. */
  version?: number;
  readerEpoch: number;
  desired: PipelineRecord['desired'];
  plan: StoredPlan | null;
  /** Chunks that are to be loaded so that a refused row can be told from the others. */
  careful?: number[];
  /** What is still to be done of the step that made this version: see `FolderState`. */
  rest?: RestOfStep;
}

export interface RestOfStep {
  step: number;
  lanes: (readonly [number, StateChange[]])[];
  /** From here on left out before version 3. */
  parked?: ParkedFileChange[];
  chunks?: ChunkMark[];
}

export interface ChunkMark {
  id: number;
  rows: number;
  batchKey: string;
}

/**
 * `chunks` are all that were to come, also those that have come since: that is in the marks. `chunksDone` and `rowsDone`
 * are of what came before them and is listed no more, in plans that version 1 has continued.
 */
type StoredPlan = Omit<PipelinePlan, 'namespaces'> & { namespaces: StoredNamespace[] };
export type StoredNamespace = Omit<NamespacePlan, 'state'>;

export type Marks = ReadonlyMap<number, number>;

export function toPipelineRecord(file: PipelineFile, kept: unknown): PipelineRecord {
  const { version = 1, readerEpoch, desired, plan } = file;
  const { identity = null, start = null, snapshot = null, lanes = null } = plan ?? {};
  return { version, readerEpoch, desired, ordering: 'key', identity, start, snapshot, lanes, kept };
}

/** Nothing is to be done for a namespace once its chunks are in. */
export function toStanding({ namespace, settled, ready }: Planned): Standing {
  return { namespace, settled, ready, linked: true, pending: !ready };
}

export function toPlanned(file: PipelineFile | null, marks: Marks): Planned[] {
  const planned = file?.plan?.namespaces.map((stored): Planned => {
    const { relation, definition, start, settled } = stored;
    const chunks = stored.chunks.filter(({ id }) => !marks.has(id));
    const done = stored.chunks.flatMap(({ id }) => marks.get(id) ?? []);
    return {
      namespace: relation.namespace,
      relation,
      definition,
      start,
      settled,
      ready: chunks.length === 0,
      chunks: chunks.sort((a, b) => a.id - b.id),
      chunksDone: stored.chunksDone + done.length,
      rowsDone: stored.rowsDone + done.reduce((sum, rows) => sum + rows, 0),
      rowsFiltered: 0,
    };
  });
  return (planned ?? []).sort((a, b) => (a.namespace < b.namespace ? -1 : 1));
}

/** Null where something that a change expects does not hold. */
export function changePipeline(
  file: PipelineFile | null,
  changes: readonly StateChange[],
  marks: Marks,
): PipelineFile | null {
  let changed = file;
  for (const change of changes) {
    changed = changeOnce(changed, change, marks);
    if (changed === null) return null;
  }
  return changed;
}

function changeOnce(
  file: PipelineFile | null,
  change: StateChange,
  marks: Marks,
): PipelineFile | null {
  if (change.kind === 'insert' && change.table === 'pipeline') {
    const { version, readerEpoch, desired } = change.row;
    return file === null ? { version, readerEpoch, desired, plan: null } : null;
  }
  if (file === null) return null;
  if (change.kind === 'update' && change.table === 'chunk') {
    const { id } = change.key;
    const { careful = [] } = file;
    return { ...file, careful: [...careful.filter((each) => each !== id), id!] };
  }
  if (change.kind === 'update' && change.table === 'pipeline') {
    if (!holds(toPipelineRecord(file, null), change)) return null;
    const { version, readerEpoch, desired, identity, start, snapshot, lanes } = {
      ...toPipelineRecord(file, null),
      ...change.set,
    };
    const { namespaces = [] } = file.plan ?? {};
    const plan =
      start === null
        ? null
        : { identity: identity ?? '', start, snapshot, lanes: lanes ?? 0, namespaces };
    return { ...file, version, readerEpoch, desired, plan };
  }
  if (file.plan === null) return null;
  const namespaces = changeNamespaces(file.plan.namespaces, change, marks);
  return namespaces && { ...file, plan: { ...file.plan, namespaces } };
}

function changeNamespaces(
  namespaces: readonly StoredNamespace[],
  change: StateChange,
  marks: Marks,
): StoredNamespace[] | null {
  switch (change.kind) {
    case 'insert': {
      if (change.table !== 'namespace') return null;
      const { namespace, relation, definition, start, settled } = change.row;
      if (namespaces.some((each) => each.relation.namespace === namespace)) return null;
      const none = { chunks: [], chunksDone: 0, rowsDone: 0 };
      return [...namespaces, { relation, definition, start, settled, ...none }];
    }
    case 'update': {
      if (change.table !== 'namespace') return null;
      const { namespace } = change.key;
      const set = { ...change.set };
      // Both follow from the marks.
      delete set.ready;
      delete set.linked;
      if (!namespaces.some((each) => each.relation.namespace === namespace)) return null;
      return namespaces.map((each) =>
        each.relation.namespace === namespace ? { ...each, ...set } : each,
      );
    }
    case 'put': {
      if (change.table !== 'chunk') return null;
      return namespaces.map((each) => {
        const rows = change.rows.filter((row) => row.namespace === each.relation.namespace);
        const ids = new Set(rows.map(({ id }) => id));
        const kept = each.chunks.filter(({ id }) => !ids.has(id));
        return { ...each, chunks: [...kept, ...rows.map(({ chunk }) => chunk)] };
      });
    }
    case 'remove': {
      if (change.table !== 'chunk') return null;
      const { namespace, done } = change.where;
      const except = new Set(change.except);
      return namespaces.map((each) => {
        if (each.relation.namespace !== namespace) return each;
        // All of them: those too that are listed no more.
        if (done === undefined) return { ...each, chunks: [], chunksDone: 0, rowsDone: 0 };
        const stays = ({ id }: { id: number }): boolean => marks.has(id) !== done || except.has(id);
        return { ...each, chunks: each.chunks.filter(stays) };
      });
    }
    case 'add':
    case 'park':
    case 'settle':
    case 'explain':
    case 'mark':
      return null;
  }
}
