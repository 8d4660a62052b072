import { status } from '@grpc/grpc-js';
import {
  DataType,
  type GeneratePlanRequest,
  type GeneratePlanResponse,
  type GetInfoResponse,
  type ListDataRequest,
  type ListDataResponse,
  type StreamUpdatesRequest,
} from '../../proto/gen/adiom/v1/adiom.ts';
import type { PipelinePlan } from '../../shared/connector/plan.ts';
import type { Chunk, Source, SourceScope, SourceSession } from '../../shared/connector/source.ts';
import { CallError } from './call-error.ts';
import {
  decodeChunkCursor,
  decodeUpdatesCursor,
  encodeChunkCursor,
  encodeUpdatesCursor,
} from './cursor.ts';
import { toDocument } from '../../shared/document/to-document.ts';
import { TupleSplitter } from '../../shared/change/tuple-splitter.ts';
import { UpdateSender, type UpdateStream } from './update-sender.ts';

/** Well below the 4 MiB that many peers take at most, unless a single row is larger. */
const PAGE_BYTES = 1 << 20;
const ALL: SourceScope = { mode: 'snapshot+changes', namespaces: undefined, lanes: 1 };

/**
 * A source as the protocol wants it. Nothing is kept between calls: cursors say all, so a peer may go on with another
 * server of the same source.
 */
export class ServedSource {
  readonly #source: Source;
  readonly #kind: string;
  readonly #version: string;

  constructor(source: Source, kind: string, version: string) {
    this.#source = source;
    this.#kind = kind;
    this.#version = version;
  }

  async info(): Promise<GetInfoResponse> {
    const { identity } = await this.#planOf(ALL);
    const source = {
      supportedDataTypes: [DataType.DATA_TYPE_MONGO_BSON],
      lsnStream: false,
      multiNamespacePlan: true,
      defaultPlan: true,
      getByIds: false,
    };
    const capabilities = { source, sink: undefined };
    return { id: identity, dbType: this.#kind, version: this.#version, spec: '', capabilities };
  }

  async count(namespace: string): Promise<bigint> {
    const plan = await this.#planOf(ALL);
    const found = plan.namespaces.find(({ relation }) => relation.namespace === namespace);
    if (found === undefined) throw noNamespace([namespace]);
    return BigInt(found.chunks.reduce((sum, chunk) => sum + (chunk.estimatedRows ?? 0), 0));
  }

  async plan(request: GeneratePlanRequest): Promise<GeneratePlanResponse> {
    const plan = await this.#planOf(ALL);
    const names = plan.namespaces.map(({ relation }) => relation.namespace);
    const unknown = request.namespaces.filter((name) => !names.includes(name));
    if (unknown.length > 0) throw noNamespace(unknown);
    const wanted = request.namespaces.length === 0 ? names : request.namespaces;
    const route = { partitionHeader: '', partitionValue: '' };
    const { identity, snapshot } = plan;
    const chunks = plan.namespaces.flatMap((each) => each.chunks);
    return {
      partitions: !request.initialSync
        ? []
        : chunks
            .filter(({ namespace }) => wanted.includes(namespace))
            .map(({ namespace, cursor, dataType, estimatedRows }) => ({
              ...route,
              namespace,
              cursor: encodeChunkCursor({ identity, snapshot, cursor, dataType }),
              estimatedCount: BigInt(estimatedRows ?? 0),
            })),
      updatesPartitions: !request.updates
        ? []
        : [{ ...route, namespaces: wanted, cursor: encodeUpdatesCursor(plan, plan.start) }],
    };
  }

  /** A page of a chunk: its cursor is the number of rows before it. */
  async page(request: ListDataRequest, signal: AbortSignal): Promise<ListDataResponse> {
    refuseOtherType(request.type);
    const { partition } = request;
    const known = partition === undefined ? null : decodeChunkCursor(partition.cursor);
    if (partition === undefined || known === null) throw badCursor('partition.cursor');
    const first = parsePage(request.cursor);
    const session = await this.#open(known);
    const enough = new AbortController();
    try {
      const relation = session.plan.namespaces.find(
        (each) => each.relation.namespace === partition.namespace,
      )?.relation;
      if (relation === undefined) throw noNamespace([partition.namespace]);
      const splitter = new TupleSplitter();
      const data: Uint8Array[] = [];
      let rows = 0;
      let bytes = 0;
      const receive = (piece: Buffer): void => {
        for (const tuple of splitter.take(piece)) {
          if (rows++ < first) continue;
          if (bytes >= PAGE_BYTES) return enough.abort();
          bytes += data[data.push(toDocument(relation, tuple)) - 1]!.length;
        }
      };
      const chunk: Chunk = {
        id: 0,
        namespace: partition.namespace,
        cursor: known.cursor,
        how: 'load',
        dataType: known.dataType,
        estimatedBytes: 0,
      };
      await session.listData(chunk, receive, AbortSignal.any([signal, enough.signal]));
      signal.throwIfAborted();
      const next = enough.signal.aborted ? String(first + data.length) : '';
      return { data, nextCursor: Buffer.from(next) };
    } finally {
      await session.close();
    }
  }

  async streamUpdates(
    request: StreamUpdatesRequest,
    stream: UpdateStream,
    signal: AbortSignal,
  ): Promise<void> {
    refuseOtherType(request.type);
    const cursor = decodeUpdatesCursor(request.cursor);
    if (cursor === null) throw badCursor('cursor');
    const session = await this.#open(cursor);
    const sender = new UpdateSender({
      from: cursor.position,
      namespaces: request.namespaces,
      cursorAt: (position) => encodeUpdatesCursor(session.plan, position),
      stream,
    });
    try {
      await session.streamUpdates(cursor.position, sender, signal);
    } finally {
      sender.close();
      await session.close();
    }
  }

  async close(): Promise<void> {
    await this.#source.close();
  }

  async #planOf(scope: SourceScope): Promise<PipelinePlan> {
    const session = await this.#source.open(scope, null, new AbortController().signal);
    await session.close();
    return session.plan;
  }

  /** The source as the plan behind a cursor found it. */
  async #open(known: { identity: string; snapshot?: unknown }): Promise<SourceSession> {
    const { identity, snapshot } = known;
    const plan = { ...(await this.#planOf(ALL)), identity, snapshot };
    return this.#source.open(ALL, plan, new AbortController().signal);
  }
}

function parsePage(cursor: Uint8Array): number {
  const text = Buffer.from(cursor).toString();
  if (!/^\d{0,15}$/.test(text)) throw badCursor('cursor');
  return Number(text);
}

function refuseOtherType(type: DataType): void {
  if (type !== DataType.DATA_TYPE_MONGO_BSON)
    throw new CallError(
      status.INVALID_ARGUMENT,
      `data type ${type} is not offered; ask for ${DataType.DATA_TYPE_MONGO_BSON} (BSON)`,
    );
}

function badCursor(field: string): CallError {
  return new CallError(
    status.INVALID_ARGUMENT,
    `${field} is none that this connector gave; send one from GeneratePlan or an answer, as it came`,
  );
}

function noNamespace(names: readonly string[]): CallError {
  return new CallError(status.NOT_FOUND, `there is no namespace ${names.join(', ')} here`);
}
