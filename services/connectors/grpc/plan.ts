import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type {
  Capabilities_Source,
  GeneratePlanResponse,
  Partition,
  UpdatesPartition,
} from '../../../proto/gen/adiom/v1/adiom.ts';
import { toPosition } from '../../../shared/change/position.ts';
import { parseNamespacePattern } from '../../../shared/config/namespace-pattern.ts';
import { requirePatternsMatch } from '../../../shared/config/unmatched-names.ts';
import { DOCUMENTS } from '../../../shared/connector/data-type.ts';
import type { NamespacePlan, PipelinePlan } from '../../../shared/connector/plan.ts';
import type { SourceScope } from '../../../shared/connector/source.ts';
import type { Chunk } from '../../../shared/connector/chunk.ts';
import { documentRelation } from '../../../shared/document/document-relation.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import type { Channel } from '../../../shared/grpc/channel.ts';
import { METHODS, type Offer } from './connector-channel.ts';
import { withRetry } from './with-retry.ts';

/** Before every position that a session makes. */
const START = toPosition(1n, 0n);
/** Where a source does not say how large its documents are. */
const DOCUMENT_BYTES = 500;

const BASE64 = z.base64();

/** A partition as it came; what a chunk's cursor is here. */
const PARTITION = z.strictObject({
  header: z.string(),
  value: z.string(),
  cursor: BASE64,
  count: z.string(),
});

const UPDATES = z.strictObject({
  namespaces: z.array(z.string()),
  header: z.string(),
  value: z.string(),
  cursor: BASE64,
});

export type UpdatesSlice = z.infer<typeof UPDATES>;

/** What a plan's `snapshot` is here. */
const SNAPSHOT = z.strictObject({
  /** Tells this plan from others of the same pipeline: see `kept-cursors.ts`. */
  id: z.string(),
  dataType: z.number(),
  /** Everything there was; a namespace that comes later is none of the plan's, and must not be passed over. */
  all: z.boolean(),
  updates: z.array(UPDATES),
});

export type GrpcSnapshot = z.infer<typeof SNAPSHOT>;

export function readSnapshot(plan: PipelinePlan): GrpcSnapshot {
  return SNAPSHOT.parse(plan.snapshot);
}

export function toPartition({ namespace, cursor }: Chunk): Partition {
  const slice = PARTITION.parse(cursor);
  return {
    namespace,
    partitionHeader: slice.header,
    partitionValue: slice.value,
    cursor: Buffer.from(slice.cursor, 'base64'),
    estimatedCount: BigInt(slice.count),
  };
}

/** Names without `*` and `?`; null where a plan for everything has to be asked for. */
export function namesIn({ namespaces }: Pick<SourceScope, 'namespaces'>): string[] | null {
  if (namespaces === undefined || namespaces.some((name) => /[*?]/.test(name))) return null;
  return [...new Set(namespaces)];
}

/** Which requests together give the plan; throws SOURCE_UNFIT where the peer cannot be asked so. */
export function planRequests(
  scope: Pick<SourceScope, 'namespaces'>,
  { defaultPlan, multiNamespacePlan }: Capabilities_Source,
): string[][] {
  const names = namesIn(scope);
  if (names !== null) return multiNamespacePlan ? [names] : names.map((name) => [name]);
  if (defaultPlan) return [[]];
  throw new WeirError(
    'SOURCE_UNFIT',
    'the connector has no plan for all its namespaces; name each of them in source.namespaces, without * and ?',
  );
}

export async function makePlan(
  channel: Channel,
  { info, side, dataType }: Offer<Capabilities_Source>,
  scope: SourceScope,
  signal: AbortSignal,
): Promise<PipelinePlan> {
  const initialSync = scope.mode !== 'changes';
  const updates = scope.mode !== 'snapshot';
  const answers: GeneratePlanResponse[] = [];
  for (const namespaces of planRequests(scope, side))
    answers.push(
      await withRetry(
        () => channel.call(METHODS.generatePlan, { namespaces, initialSync, updates }, { signal }),
        signal,
      ),
    );
  const slices = answers.flatMap((answer) => answer.updatesPartitions);
  if (updates && slices.length === 0)
    throw new WeirError(
      'SOURCE_UNFIT',
      'the connector offers no changes to follow; use mode: snapshot',
    );
  const partitions = answers.flatMap((answer) => answer.partitions);
  const names = plannedNames(scope, partitions, slices);
  if (names.length === 0)
    throw new WeirError(
      'SOURCE_UNFIT',
      'the connector has no namespace that source.namespaces names; correct it, or name each of them without * and ?',
    );
  const snapshot: GrpcSnapshot = {
    id: randomUUID(),
    dataType,
    all: scope.namespaces === undefined,
    updates: slices.map(toUpdatesSlice),
  };
  return {
    identity: identityOf(info.id),
    start: START,
    snapshot,
    lanes: scope.lanes,
    namespaces: toNamespaces(names, initialSync ? partitions : []),
  };
}

/** A connector that does not say who it is cannot be told from another. */
export function identityOf(id: string): string {
  return `grpc:${id}`;
}

function plannedNames(
  scope: SourceScope,
  partitions: readonly Partition[],
  slices: readonly UpdatesPartition[],
): string[] {
  const named = namesIn(scope);
  if (named !== null) return named;
  const patterns = scope.namespaces?.map(parseNamespacePattern);
  const found = [
    ...partitions.map(({ namespace }) => namespace),
    ...slices.flatMap(({ namespaces }) => namespaces),
  ];
  const names = [...new Set(found)].filter((name) => name !== '');
  requirePatternsMatch(scope.namespaces, names);
  return names.filter((name) => patterns?.some((pattern) => pattern.matches(name)) ?? true);
}

function toUpdatesSlice(slice: UpdatesPartition): UpdatesSlice {
  return {
    namespaces: slice.namespaces,
    header: slice.partitionHeader,
    value: slice.partitionValue,
    cursor: Buffer.from(slice.cursor).toString('base64'),
  };
}

/**
 * Chunks are merged: without a snapshot of the source a document may be in two of them, or twice in one, and one that is
 * read again may show it otherwise.
 */
function toNamespaces(names: readonly string[], partitions: readonly Partition[]): NamespacePlan[] {
  let lastId = 0;
  return names.map((namespace) => ({
    relation: documentRelation(namespace),
    definition: null,
    start: START,
    settled: START,
    state: 'new',
    chunks: partitions
      .filter((partition) => partition.namespace === namespace)
      .map((partition): Chunk => {
        const count = Number(partition.estimatedCount);
        return {
          id: ++lastId,
          namespace,
          cursor: {
            header: partition.partitionHeader,
            value: partition.partitionValue,
            cursor: Buffer.from(partition.cursor).toString('base64'),
            count: String(partition.estimatedCount),
          },
          how: 'merge',
          dataType: DOCUMENTS,
          estimatedBytes: count * DOCUMENT_BYTES,
          ...(count > 0 ? { estimatedRows: count } : {}),
        };
      }),
    chunksDone: 0,
    rowsDone: 0,
  }));
}
