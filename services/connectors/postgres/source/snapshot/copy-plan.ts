import type { Position } from '../../../../../shared/change/position.ts';
import type { NamespacePlan, PipelinePlan } from '../../../../../shared/connector/plan.ts';
import type { SourceScope } from '../../../../../shared/connector/source.ts';
import type { Chunk } from '../../../../../shared/connector/chunk.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { TUPLES } from '../../../../../shared/connector/data-type.ts';
import { relationPlanOf, type SourceTable } from '../../catalog/catalog.ts';
import {
  type ChunkCursor,
  chunkDataType,
  cutChunks,
  parseChunkCursor,
  recentChunks,
} from './chunk-plan.ts';
import { isSameShape } from '../../catalog/same-shape.ts';
import { structureChanges, suspectColumns } from '../../catalog/structure-changes.ts';
import type { TableDefinition } from '../../catalog/table-definition.ts';
import type { Leaf } from '../../catalog/table-catalog.ts';

/** What must be remembered of the pipeline's first snapshot: `PipelinePlan.snapshot`. */
export interface SnapshotMemory {
  /** 32-bit id of the oldest transaction that was open then: what the snapshot lacks is of it or later. */
  xmin: string;
  nextChunkId: number;
  /** Of the replication slot: see `SlotOwner`. Left out where there is none, and by earlier versions. */
  owner?: string;
}

/** Whom the slot of a stored plan was made for. */
export function ownerOf(known: PipelinePlan): string | undefined {
  return parseMemory(known.snapshot).owner;
}

export interface NewPlanOptions {
  identity: string;
  start: Position;
  xmin: string;
  owner?: string;
  scope: Pick<SourceScope, 'mode' | 'lanes' | 'dataType'>;
  tables: readonly SourceTable[];
  /** Of the values in the stream; those of a copy may differ. */
  encoding: 'binary' | 'text';
  serverVersion: number;
}

export function newPlan(options: NewPlanOptions): PipelinePlan {
  const { identity, start, scope, tables, encoding, serverVersion } = options;
  const owner = options.owner === undefined ? {} : { owner: options.owner };
  const memory: SnapshotMemory = { xmin: options.xmin, nextChunkId: 1, ...owner };
  const namespaces = tables.map((table) =>
    withEncoding(newNamespace(table, start, scope, memory, serverVersion), encoding, table),
  );
  return { identity, start, snapshot: memory, lanes: scope.lanes, namespaces };
}

export interface ContinuedPlanOptions {
  known: PipelinePlan;
  /** As they are now, under the new snapshot where there is one. */
  tables: readonly SourceTable[];
  scope: Pick<SourceScope, 'mode' | 'lanes' | 'dataType'>;
  /** Where the new snapshot stands; only looked at if `needsSnapshot`. */
  start: Position;
  encoding: 'binary' | 'text';
  serverVersion: number;
}

/** Whether the known plan has something left to copy. */
export function needsSnapshot(
  known: PipelinePlan,
  tables: readonly SourceTable[],
  mode: SourceScope['mode'],
): boolean {
  const plans = new Map(known.namespaces.map((plan) => [plan.relation.namespace, plan]));
  return tables.some((table) => {
    const plan = plans.get(table.namespace);
    return plan === undefined ? mode !== 'changes' : isUnfinished(plan);
  });
}

function isUnfinished(plan: NamespacePlan): boolean {
  return plan.state !== 'ready' && plan.chunks.length > 0;
}

/**
 * The known plan under a new snapshot: namespaces that are gone drop out, new ones come in, and those whose copy
 * was interrupted go on. What the target has stays described as it is there; a different shape at the source comes
 * through the stream.
 */
export function continuedPlan(options: ContinuedPlanOptions): PipelinePlan {
  const { known, tables, scope, start, encoding, serverVersion } = options;
  const memory = { ...parseMemory(known.snapshot) };
  const byName = new Map(tables.map((table) => [table.namespace, table]));
  const all = new Map(byName);
  const namespaces: NamespacePlan[] = [];
  for (const plan of known.namespaces) {
    const table = byName.get(plan.relation.namespace);
    if (table === undefined) continue;
    byName.delete(plan.relation.namespace);
    if (!isUnfinished(plan)) {
      namespaces.push(plan);
      continue;
    }
    requireColumns(plan, table);
    if (canMerge(plan, table, scope.mode))
      namespaces.push({
        ...plan,
        settled: start,
        chunks: mergedChunks(plan, table, scope, memory, serverVersion),
      });
    else
      namespaces.push({
        ...newNamespace(table, start, scope, memory, serverVersion),
        state: 'restart',
      });
  }
  for (const table of byName.values())
    namespaces.push(newNamespace(table, start, scope, memory, serverVersion));
  return {
    ...known,
    snapshot: memory,
    namespaces: namespaces.map((plan) =>
      withEncoding(plan, encoding, all.get(plan.relation.namespace)!),
    ),
  };
}

/**
 * Not without a key to merge by, without a stream that brings the target to the new snapshot, or under another shape:
 * the rows of both snapshots would not have the same columns. Nor where no chunk is in, as there is nothing to keep.
 */
function canMerge(plan: NamespacePlan, table: SourceTable, mode: SourceScope['mode']): boolean {
  return (
    plan.chunksDone > 0 &&
    plan.relation.identity === 'key' &&
    mode !== 'snapshot' &&
    isSameShape(plan.relation, table.relation) &&
    holdsSameValues(plan, table)
  );
}

/** What the target has of the rows is what they still have: no column was put in another's place or rewritten. */
function holdsSameValues({ relation, definition }: NamespacePlan, table: SourceTable): boolean {
  if (definition === null || definition === undefined) return true;
  const was = { relation, definition: definition as TableDefinition };
  const rewritten = suspectColumns(was, table).map(({ number }) => number);
  return structureChanges(was, table, new Set(rewritten)).length === 0;
}

/**
 * The missing ranges again, merged because the target may have rows of them by now, and all rows written since the
 * first snapshot: an update may have moved a row from a missing range into one that was read before, and the
 * stream alone cannot rebuild it where the update left a TOAST value unchanged. With new ids, because they are read
 * under another snapshot than those that may still be in flight.
 *
 * A leaf that was written anew meanwhile has its rows elsewhere, so all of it is read again. One that is no leaf of the
 * table any more is not read.
 */
function mergedChunks(
  plan: NamespacePlan,
  table: SourceTable,
  { dataType: wanted }: Pick<SourceScope, 'dataType'>,
  memory: SnapshotMemory,
  serverVersion: number,
): Chunk[] {
  const { namespace, isBinarySafe } = table;
  const dataType = chunkDataType(table, wanted);
  const cut = plan.chunks
    .map((chunk) => ({ chunk, cursor: parseChunkCursor(chunk.cursor) }))
    .filter(({ cursor }) => cursor.since === null);
  const chunks: Chunk[] = [];
  const recent: Leaf[] = [];
  for (const leaf of table.leaves) {
    const missing = cut.filter(({ cursor }) => isOfLeaf(cursor, leaf));
    const only = { namespace, isBinarySafe, leaves: [leaf] };
    if (missing.some(({ cursor }) => cursor.fileNode !== leaf.fileNode)) {
      const whole = cutChunks(only, memory.nextChunkId, 'merge', serverVersion, wanted);
      chunks.push(...takeIds(memory, whole));
      continue;
    }
    const again = missing.map(({ chunk, cursor }, i): Chunk => {
      const named = { ...cursor, schema: leaf.schema, name: leaf.name };
      return { ...chunk, id: memory.nextChunkId + i, cursor: named, how: 'merge', dataType };
    });
    chunks.push(...takeIds(memory, again));
    recent.push(leaf);
  }
  const written = { namespace, isBinarySafe, leaves: recent };
  const since = recentChunks(written, memory.nextChunkId, memory.xmin, wanted);
  return [...chunks, ...takeIds(memory, since)];
}

function isOfLeaf({ oid, schema, name }: ChunkCursor, leaf: Leaf): boolean {
  return oid === null ? schema === leaf.schema && name === leaf.name : oid === leaf.oid;
}

function newNamespace(
  table: SourceTable,
  start: Position,
  scope: Pick<SourceScope, 'mode' | 'dataType'>,
  memory: SnapshotMemory,
  serverVersion: number,
): NamespacePlan {
  const copies = scope.mode !== 'changes';
  return {
    ...relationPlanOf(table),
    // Another kind of store makes its table of that.
    ...(scope.dataType === TUPLES && { tableSchema: table.tableSchema }),
    start,
    settled: start,
    state: copies ? 'new' : 'ready',
    chunks: copies
      ? takeIds(memory, cutChunks(table, memory.nextChunkId, 'load', serverVersion, scope.dataType))
      : [],
    chunksDone: 0,
    rowsDone: 0,
  };
}

function takeIds(memory: SnapshotMemory, chunks: Chunk[]): Chunk[] {
  memory.nextChunkId += chunks.length;
  return chunks;
}

/** As the stream has the columns: some are text in a binary one, too. */
function withEncoding(
  plan: NamespacePlan,
  encoding: 'binary' | 'text',
  { relation, columnTypes }: SourceTable,
): NamespacePlan {
  const inText = new Set(
    relation.columns.filter((_, i) => columnTypes[i]?.sent === 'text').map(({ type }) => type),
  );
  const columns = plan.relation.columns.map((column) => ({
    ...column,
    encoding: inText.has(column.type) ? ('text' as const) : encoding,
  }));
  return { ...plan, relation: { ...plan.relation, columns } };
}

function requireColumns(plan: NamespacePlan, table: SourceTable): void {
  for (const column of plan.relation.columns) {
    const now = table.relation.columns.find((c) => c.name === column.name);
    if (now?.type === column.type) continue;
    throw new WeirError(
      'SCHEMA_CHANGED',
      `Column ${column.name} of ${plan.relation.namespace} was ${now ? `changed to ${now.type}` : 'dropped'} at the source before its copy was finished; run \`weir reset\` and copy again.`,
    );
  }
}

function parseMemory(value: unknown): SnapshotMemory {
  const memory = value as Partial<SnapshotMemory> | null;
  if (
    typeof memory === 'object' &&
    memory !== null &&
    typeof memory.xmin === 'string' &&
    Number.isInteger(memory.nextChunkId)
  )
    return memory as SnapshotMemory;
  throw new WeirError('INTERNAL', 'the stored plan holds a snapshot that this version cannot read');
}
