import { tmpdir } from 'node:os';
import { FIRST_POSITION, toPosition, type Position } from '../../shared/change/position.ts';
import type { Relation, RelationPlan } from '../../shared/change/relation.ts';
import { keyOf, toTuple } from '../../shared/change/tuple.ts';
import type { SinkOptions } from '../../shared/connector/end-options.ts';
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
import type { Barrier } from '../../shared/change/barrier.ts';
import { readCatalog, relationPlanOf } from '../../services/connectors/postgres/catalog/catalog.ts';
import { connect } from '../../services/connectors/postgres/connection/connection.ts';
import { toCopyMessages } from '../../services/connectors/postgres/connection/copy-in.ts';
import { createPostgresSink } from '../../services/connectors/postgres/sink/sink.ts';

type Value = string | null | undefined;

export interface WrittenChanges {
  /** Rows as text values in the order of the columns; undefined is unchanged. */
  upserts?: Value[][];
  fresh?: number;
  passed?: number;
  partial?: Value[][];
  /** Values of the key, or whole rows. */
  deletes?: Value[][];
}

export function silentLog(): SinkOptions['log'] {
  return { debug: () => undefined, info: () => undefined, warn: () => undefined };
}

/** A sink driven by hand, its plan taken from tables of a source database; values travel as text. */
export class SinkPipeline {
  readonly sink: Sink;
  readonly plan: PipelinePlan;
  readerEpoch = 0;
  #progress = new Map<number, LaneProgress>();
  #lastChunk = 0;

  private constructor(sink: Sink, plan: PipelinePlan) {
    this.sink = sink;
    this.plan = plan;
  }

  static async create(
    source: string,
    target: string,
    options: Partial<SinkOptions> = {},
    encoding: 'text' | 'binary' = 'text',
  ): Promise<SinkPipeline> {
    const client = await connect(source, { applicationName: 'test' });
    try {
      const { tables } = await readCatalog(client, undefined);
      const plans = tables.map(relationPlanOf).map(({ relation, definition }) => ({
        relation: {
          ...relation,
          columns: relation.columns.map((column) => ({ ...column, encoding })),
        },
        definition,
      }));
      return SinkPipeline.of(target, plans, options);
    } finally {
      await client.end();
    }
  }

  /** Of whatever some source might give. */
  static of(
    target: string,
    plans: readonly RelationPlan[],
    options: Partial<SinkOptions> = {},
  ): SinkPipeline {
    const namespaces = plans.map((plan) => ({
      ...plan,
      start: FIRST_POSITION,
      settled: FIRST_POSITION,
      state: 'new' as const,
      chunks: [],
      chunksDone: 0,
      rowsDone: 0,
    }));
    const sink = createPostgresSink({
      pipeline: 'test',
      url: target,
      log: silentLog(),
      create: 'missing',
      map: {},
      order: 'key',
      workers: 4,
      stateFolder: tmpdir(),
      onBadRow: 'stop',
      ...options,
    });
    const plan = { identity: 'x', start: FIRST_POSITION, snapshot: null, lanes: 3, namespaces };
    return new SinkPipeline(sink, plan);
  }

  /** Saves the plan and finishes what needs no copy, so that changes may be written. */
  async start(): Promise<void> {
    this.readerEpoch = await this.sink.beginReader();
    await this.sink.savePlan(this.plan, this.readerEpoch);
    await this.sink.finishNamespaces();
  }

  namespace(name: string): NamespacePlan {
    const found = this.plan.namespaces.find(({ relation }) => relation.namespace === name);
    if (found === undefined) throw new Error(`no namespace ${name}`);
    return found;
  }

  relation(name: string): Relation {
    return this.namespace(name).relation;
  }

  addChunk(name: string, how: Chunk['how'] = 'load'): Chunk {
    const chunk: Chunk = {
      id: ++this.#lastChunk,
      namespace: name,
      cursor: null,
      how,
      dataType: 'postgres.copy.binary',
      estimatedBytes: 1,
    };
    this.namespace(name).chunks.push(chunk);
    return chunk;
  }

  headOf(chunk: Chunk, rows: number): ChunkHead {
    const relation = this.relation(chunk.namespace);
    return {
      ...chunk,
      relation,
      rows: () => rows,
      filtered: () => 0,
      batchKey: () => `key ${chunk.id}`,
    };
  }

  async open(lane: number): Promise<LaneProgress> {
    const progress = await this.sink.openLane(lane);
    this.#progress.set(lane, progress);
    return progress;
  }

  async batch(
    lane: number,
    changes: Record<string, WrittenChanges>,
    counts: Record<string, ChangeCounts> = {},
  ): Promise<LaneBatch> {
    const before = this.#progress.get(lane) ?? (await this.open(lane));
    const sequence = before.sequence + 1;
    const position = toPosition(BigInt(sequence) * 100n, 0n);
    return {
      before,
      after: { ...before, readerEpoch: this.readerEpoch, sequence, position },
      changes: Object.entries(changes).map(([name, each]) =>
        toNetChanges(this.relation(name), each),
      ),
      counts: new Map(Object.entries(counts)),
    };
  }

  async write(
    lane: number,
    changes: Record<string, WrittenChanges>,
    counts: Record<string, ChangeCounts> = {},
  ): Promise<LaneBatch> {
    const batch = await this.batch(lane, changes, counts);
    await this.sink.writeUpdates(batch);
    this.#progress.set(lane, batch.after);
    return batch;
  }

  async runBarrier(barrier: Barrier): Promise<Position> {
    const batch = await this.batch(0, {});
    await this.sink.runBarrier(batch, barrier);
    this.#progress.set(0, batch.after);
    return batch.after.position;
  }

  async close(): Promise<void> {
    await this.sink.close();
  }
}

function toNetChanges(relation: Relation, changes: WrittenChanges): NetChanges {
  const isKeyed = relation.identity === 'key';
  return {
    relation,
    upserts: (changes.upserts ?? []).map(toTuple),
    fresh: changes.fresh ?? 0,
    passed: changes.passed ?? 0,
    partial: (changes.partial ?? []).map(toTuple),
    deletes: (changes.deletes ?? []).map((values) =>
      isKeyed ? toTuple(values).subarray(2) : toTuple(values),
    ),
  };
}

export function toKey(relation: Relation, values: Value[]): Buffer {
  return keyOf(toTuple(values), relation.key);
}

/** A chunk's bytes as COPY sends them, cut into pieces that respect nothing. */
export async function* toParts(rows: Buffer[], pieceBytes = 7): AsyncGenerator<Buffer> {
  const whole = Buffer.concat([...toCopyMessages(rows)]);
  for (let at = 0; at < whole.length; at += pieceBytes)
    yield await Promise.resolve(whole.subarray(at, at + pieceBytes));
}
