import { status } from '@grpc/grpc-js';
import type {
  GeneratePlanRequest,
  GeneratePlanResponse,
  GetByIdsRequest,
  GetByIdsResponse,
  ListDataRequest,
  ListDataResponse,
  StreamLSNRequest,
  StreamLSNResponse,
  StreamUpdatesRequest,
  StreamUpdatesResponse,
} from '../../proto/gen/adiom/v1/adiom.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { Slice, Store, StoreReader, UpdatesStart } from '../../shared/connector/store.ts';
import { fromId } from '../../shared/document/from-document.ts';
import { toDocument } from '../../shared/document/to-document.ts';
import { CallError } from './call-error.ts';
import { noNamespace, refuseOtherType } from './refusals.ts';
import {
  decodeSliceCursor,
  decodeUpdatesCursor,
  encodeSliceCursor,
  encodeUpdatesCursor,
} from './cursor.ts';
import type { AnswerStream } from './answer-stream.ts';
import { UpdateCounter } from './update-counter.ts';
import { UpdateSender } from './update-sender.ts';

/** Well below the 4 MiB that many peers take at most, unless a single row is larger. */
const PAGE_BYTES = 1 << 20;
const ROUTE = { partitionHeader: '', partitionValue: '' };
const NOTHING = new Uint8Array();
/** The slice of a namespace without rows, which no store has to cut or to read. */
const EMPTY = 'empty';

/** A store that is read, as the protocol wants it. Nothing is kept between calls: cursors say all. */
export class ServedReader {
  readonly #store: Store;
  readonly #reader: StoreReader;

  constructor(store: Store, reader: StoreReader) {
    this.#store = store;
    this.#reader = reader;
  }

  async count(namespace: string): Promise<bigint> {
    await this.#relationOf(namespace);
    return BigInt(await this.#reader.count(namespace));
  }

  /** The place in the log is taken first, so that the changes bring whatever the pages lack. */
  async plan(request: GeneratePlanRequest): Promise<GeneratePlanResponse> {
    const identity = await this.#store.readIdentity();
    const names = (await this.#reader.list()).map(({ namespace }) => namespace);
    const unknown = request.namespaces.filter((name) => !names.includes(name));
    if (unknown.length > 0) throw noNamespace(unknown);
    const wanted = request.namespaces.length === 0 ? names : request.namespaces;
    const updatesPartitions = [];
    if (request.updates) {
      const cursor = encodeUpdatesCursor(identity, await this.#reader.begin());
      updatesPartitions.push({ ...ROUTE, namespaces: wanted, cursor });
    }
    const partitions = [];
    for (const namespace of request.initialSync ? wanted : [])
      for (const slice of await this.#slicesOf(namespace)) {
        const cursor = encodeSliceCursor(identity, slice);
        const estimatedCount = BigInt(slice.estimatedRows);
        partitions.push({ ...ROUTE, namespace, cursor, estimatedCount });
      }
    return { partitions, updatesPartitions };
  }

  /** At least one: a peer follows only namespaces that have a partition, and rows may come into an empty one. */
  async #slicesOf(namespace: string): Promise<Slice[]> {
    const slices = await this.#reader.cut(namespace);
    return slices.length > 0 ? slices : [{ namespace, cursor: EMPTY, estimatedRows: 0 }];
  }

  async page(request: ListDataRequest, signal: AbortSignal): Promise<ListDataResponse> {
    refuseOtherType(request.type);
    const { partition } = request;
    if (partition === undefined) throw badCursor('partition');
    const known = decodeSliceCursor(partition.cursor);
    await this.#requireOwn(known, 'partition.cursor');
    await this.#relationOf(partition.namespace);
    // What has come since the plan, the changes bring.
    if (known!.slice === EMPTY) return { data: [], nextCursor: NOTHING };
    const slice: Slice = {
      namespace: partition.namespace,
      cursor: known!.slice,
      estimatedRows: 0,
    };
    const after = request.cursor.length === 0 ? null : Buffer.from(request.cursor).toString();
    const page = await this.#reader.readPage(slice, after, PAGE_BYTES, signal);
    return {
      data: page.tuples.map((tuple) => toDocument(page.relation, tuple)),
      nextCursor: Buffer.from(page.next ?? ''),
    };
  }

  async streamUpdates(
    request: StreamUpdatesRequest,
    stream: AnswerStream<StreamUpdatesResponse>,
    signal: AbortSignal,
  ): Promise<void> {
    refuseOtherType(request.type);
    const { identity, memory, position: from } = await this.#startOf(request.cursor);
    const failed = new AbortController();
    const sender = new UpdateSender({
      from,
      namespaces: request.namespaces,
      cursorAt: (position) => encodeUpdatesCursor(identity, { memory, position }),
      readByKeys: this.#reader.readByKeys?.bind(this.#reader),
      stream,
      onFailure: (error) => failed.abort(error),
    });
    const either = AbortSignal.any([signal, failed.signal]);
    try {
      await this.#reader.streamUpdates({ memory, position: from }, sender, either);
    } finally {
      sender.close();
    }
    if (failed.signal.aborted) throw failed.signal.reason;
  }

  /** How many changes there are behind the cursor; ends at once where the store does not count them, or there is none. */
  async streamLSN(
    request: StreamLSNRequest,
    stream: AnswerStream<StreamLSNResponse>,
    signal: AbortSignal,
  ): Promise<void> {
    if (!this.counts || request.cursor.length === 0) return;
    const { identity, memory, position: from } = await this.#startOf(request.cursor);
    const counter = new UpdateCounter({
      from,
      namespaces: request.namespaces,
      cursorAt: (position) => encodeUpdatesCursor(identity, { memory, position }),
      stream,
    });
    await this.#reader.countUpdates?.({ memory, position: from }, counter, signal);
  }

  get counts(): boolean {
    return this.#reader.countUpdates !== undefined;
  }

  get findsByIds(): boolean {
    return this.#reader.readByKeys !== undefined;
  }

  async byIds({ namespace, ids, type }: GetByIdsRequest): Promise<GetByIdsResponse> {
    refuseOtherType(type);
    if (this.#reader.readByKeys === undefined)
      throw new CallError(
        status.UNIMPLEMENTED,
        'rows are not found by their ids here; see GetInfo',
      );
    const relation = await this.#relationOf(namespace);
    const keys = ids.map(({ id }) => fromId(relation, id));
    const rows = await this.#reader.readByKeys(relation, keys);
    return {
      data: rows.map((row) => ({ data: row === null ? NOTHING : toDocument(relation, row) })),
    };
  }

  async #relationOf(namespace: string): Promise<Relation> {
    const relation = await this.#reader.relationOf(namespace);
    if (relation === null) throw noNamespace([namespace]);
    return relation;
  }

  async #startOf(bytes: Uint8Array): Promise<UpdatesStart & { identity: string }> {
    const start = decodeUpdatesCursor(bytes);
    await this.#requireOwn(start, 'cursor');
    return start!;
  }

  async #requireOwn(cursor: { identity: string } | null, field: string): Promise<void> {
    if (cursor === null || cursor.identity !== (await this.#store.readIdentity()))
      throw badCursor(field);
  }
}

function badCursor(field: string): CallError {
  return new CallError(
    status.INVALID_ARGUMENT,
    `${field} is none that this connector gave; send one from GeneratePlan or an answer, as it came`,
  );
}
