import { FIRST_POSITION, type Position, toPosition } from '../../shared/change/position.ts';
import { keyOf, toTuple } from '../../shared/change/tuple.ts';
import type { NamespacePlan, PipelinePlan } from '../../shared/connector/plan.ts';
import type {
  ChunkHead,
  LaneBatch,
  LaneProgress,
  NetChanges,
  Sink,
} from '../../shared/connector/sink.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import type { Chunk } from '../../shared/connector/chunk.ts';
import type { FailedRow } from '../../shared/change/failed-row.ts';
import type { OpenStore, SinkTraits } from './sink-subject.ts';

export type Item = readonly [id: string, name: string | null];

export const NO_COUNTS: ChangeCounts = { inserts: 0, updates: 0, deletes: 0, truncates: 0 };
export const LANES = 2;

export const at = (n: number): Position => toPosition(BigInt(n), 0n);

/** A sink under a hand: what a reader and a writer do with it, one thing after the other. */
export class DrivenSink {
  readonly sink: Sink;
  readonly #store: OpenStore;

  constructor(store: OpenStore, traits: SinkTraits = {}) {
    this.#store = store;
    this.sink = store.sink(traits);
  }

  get namespace(): string {
    return this.#store.plan.relation.namespace;
  }

  chunk(id: number, how: Chunk['how'] = 'load'): Chunk {
    const { namespace, dataType } = { namespace: this.namespace, dataType: this.#store.dataType };
    return { id, namespace, cursor: null, how, dataType, estimatedBytes: 1 };
  }

  planOf(chunks: Chunk[], more: Partial<NamespacePlan> = {}, lanes = LANES): PipelinePlan {
    const { start = FIRST_POSITION } = more;
    const namespace: NamespacePlan = {
      ...this.#store.plan,
      start,
      settled: start,
      state: 'new',
      chunks,
      chunksDone: 0,
      rowsDone: 0,
      ...more,
    };
    return { identity: 'x', start, snapshot: null, lanes, namespaces: [namespace] };
  }

  /** A reader begins and stores its plan. */
  async begin(plan: PipelinePlan): Promise<number> {
    const epoch = await this.sink.beginReader();
    await this.sink.savePlan(plan, epoch);
    return epoch;
  }

  load(chunk: Chunk, items: readonly Item[], failed: FailedRow[] = []): Promise<string> {
    const head: ChunkHead = {
      ...chunk,
      relation: this.#store.plan.relation,
      batchKey: () => `key of ${chunk.id}`,
      rows: () => items.length + failed.length,
      filtered: () => 0,
      failed: () => failed,
    };
    return this.sink.writeData(head, this.parts(items));
  }

  /** Cut into pieces that respect nothing. */
  async *parts(items: readonly Item[], pieceBytes = 7): AsyncGenerator<Buffer> {
    const whole = Buffer.concat(items.map((item) => toTuple([...item])));
    for (let from = 0; from < whole.length; from += pieceBytes)
      yield await Promise.resolve(whole.subarray(from, from + pieceBytes));
  }

  batch(
    before: LaneProgress,
    readerEpoch: number,
    position: Position,
    given: { upserts?: Item[]; deletes?: string[]; failed?: Item[] } = {},
  ): LaneBatch {
    const { upserts = [], deletes = [], failed = [] } = given;
    const { relation } = this.#store.plan;
    const changes: NetChanges = {
      relation,
      upserts: upserts.map((item) => toTuple([...item])),
      partial: [],
      deletes: deletes.map((id) => keyOf(toTuple([id, null]), relation.key)),
    };
    const held = failed.map((item) => ({
      relation,
      kind: 'upsert' as const,
      failed: this.failedRow(item),
      counts: { ...NO_COUNTS, inserts: 1 },
      position,
    }));
    const isEmpty = upserts.length + deletes.length === 0;
    const inserts = upserts.length + failed.length;
    const counts = { ...NO_COUNTS, inserts, deletes: deletes.length };
    return {
      before,
      after: { ...before, readerEpoch, sequence: before.sequence + 1, position },
      changes: isEmpty ? [] : [changes],
      counts: isEmpty && held.length === 0 ? new Map() : new Map([[relation.namespace, counts]]),
      ...(held.length > 0 && { held }),
    };
  }

  /** A row that a step of the transforms failed for. */
  failedRow(item: Item): FailedRow {
    const { relation } = this.#store.plan;
    const tuple = toTuple([...item]);
    return { reason: 'the step failed', source: relation, tuple, key: keyOf(tuple, relation.key) };
  }
}
