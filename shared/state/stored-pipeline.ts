import { LAST_POSITION, type Position } from '../change/position.ts';
import type {
  ChunkHead,
  ChunkOutcome,
  LaneBatch,
  LaneProgress,
  PipelineProgress,
  PipelineState,
} from '../connector/sink.ts';
import { isKeptState } from '../connector/source.ts';
import { WeirError } from '../errors/weir-error.ts';
import type { DesiredState } from '../progress/desired-state.ts';
import { judgeChunk, markChunk } from './chunk-steps.ts';
import {
  allArrived,
  arriveAtBarrier,
  barrierDone,
  fencedLane,
  fenceLane,
  leastPosition,
  moveLane,
  openLane,
  toProgress,
} from './lane-steps.ts';
import { type NewPlan, requireReader, savePlan } from './plan-steps.ts';
import type { LaneRecord, PipelineRecord } from './records.ts';
import type { StateParts, Standing, StateStore } from './state-store.ts';
import { holds, matches, type StateStep } from './state-step.ts';
import { migration, requireKnownVersion, STATE_VERSION } from './state-version.ts';

/**
 * A pipeline as its target has it, whatever the store: what is known of it, and what happens to it, for the methods of
 * `Sink` of the same names. It holds nothing itself.
 */
export class StoredPipeline {
  readonly #store: StateStore;

  constructor(store: StateStore) {
    this.#store = store;
  }

  async readState(): Promise<PipelineState | null> {
    const parts = await this.#store.read('pipeline', 'lanes', 'standings', 'sums', 'planned');
    const { pipeline, planned } = parts;
    if (!isPlanned(pipeline)) return null;
    const { identity, start, snapshot, lanes, ordering, kept } = pipeline;
    return {
      ...progressOf(pipeline, parts),
      order: ordering,
      kept,
      plan: {
        identity: identity ?? '',
        start: start!,
        snapshot,
        lanes: lanes ?? parts.lanes.length,
        namespaces: planned.map(({ namespace: _, ready, ...each }) => ({
          ...each,
          state: ready ? 'ready' : 'copying',
        })),
      },
    };
  }

  async readProgress(): Promise<PipelineProgress | null> {
    const parts = await this.#store.read('pipeline', 'lanes', 'standings', 'sums');
    return isPlanned(parts.pipeline) ? progressOf(parts.pipeline, parts) : null;
  }

  /** False where there is no plan. */
  async writeDesired(desired: DesiredState): Promise<boolean> {
    return this.#change(async () => {
      const { pipeline } = await this.#store.read('pipeline');
      if (!isPlanned(pipeline)) return { step: [], result: false };
      return { step: updatePipeline(pipeline, { desired }), result: true };
    });
  }

  /**
   * Also the pipeline's first trace. The first epoch is the time in seconds, so that what is left of a pipeline of the
   * same name, from before a reset, is of an earlier one. Returns when no frame of an earlier reader can be committed.
   */
  async beginReader(): Promise<number> {
    await this.#store.prepare();
    await this.#migrate();
    const epoch = await this.#change(async () => {
      const { pipeline } = await this.#store.read('pipeline');
      if (pipeline !== null) {
        const readerEpoch = pipeline.readerEpoch + 1;
        return { step: updatePipeline(pipeline, { readerEpoch }), result: readerEpoch };
      }
      const row = newPipeline(await this.#store.clock());
      return { step: [{ kind: 'insert', table: 'pipeline', row }], result: row.readerEpoch };
    });
    // Lane by lane, because each waits for the transaction that is open on it.
    for (const { lane } of (await this.#store.read('lanes')).lanes)
      await this.#change(async () => {
        const found = (await this.#store.read('lanes')).lanes.find((each) => each.lane === lane);
        return { step: (found && fenceLane(found, epoch)) ?? [], result: undefined };
      });
    return epoch;
  }

  /** For a store that is changed before the plan is saved: throws FENCED where another reader has begun. */
  async requireReader(readerEpoch: number): Promise<void> {
    requireReader((await this.#store.read('pipeline')).pipeline, readerEpoch);
  }

  /** The namespaces of the plan; null before the first. */
  async readKnown(): Promise<ReadonlySet<string> | null> {
    const { pipeline, standings } = await this.#store.read('pipeline', 'standings');
    return isPlanned(pipeline) ? new Set(standings.map(({ namespace }) => namespace)) : null;
  }

  async savePlan(given: NewPlan, readerEpoch: number): Promise<void> {
    await this.#change(async () => {
      const parts = await this.#store.read('pipeline', 'lanes', 'standings');
      const { pipeline, lanes, standings } = parts;
      requireReader(pipeline, readerEpoch);
      const namespaces = new Set(standings.map(({ namespace }) => namespace));
      return { step: savePlan({ pipeline, lanes, namespaces }, given), result: undefined };
    });
  }

  /** Whether the target wants the chunk now; anything but `wanted` is what `Sink.writeData` answers. */
  async judgeChunk(
    chunk: Pick<ChunkHead, 'id' | 'namespace' | 'how'>,
  ): Promise<'wanted' | 'present' | 'unwanted' | 'early'> {
    const record = await this.#store.readChunk(chunk.id);
    const { standings, lanes } = await this.#store.read('standings', 'lanes');
    const standing = standings.find(({ namespace }) => namespace === chunk.namespace);
    return judgeChunk(chunk, {
      done: standing === undefined ? null : (record?.done ?? null),
      settled: standing?.settled ?? null,
      least: leastPosition(lanes),
    });
  }

  /**
   * A chunk from question to mark, where the data is no part of the step: `write` puts it into the store, and `list`,
   * where there is one, makes it count there; `also` is done with the mark. `write` may take minutes, and a reader that begins meanwhile may plan the
   * same rows as another chunk. So the state is asked again when the mark is there: a reader that begins after that finds
   * it, and of one that began before, nothing is listed here; what it still wants under this id it lists itself.
   */
  async takeChunk(
    chunk: ChunkHead,
    write: () => Promise<void>,
    list?: () => Promise<void>,
    also: () => Promise<StateStep> = () => Promise.resolve([]),
  ): Promise<ChunkOutcome> {
    const before = await this.#readerEpoch();
    const judged = await this.judgeChunk(chunk);
    if (judged !== 'wanted') return judged;
    await write();
    if ((await this.#readerEpoch()) !== before) return 'unwanted';
    if (!(await this.#store.commit([...markChunk(chunk), ...(await also())]))) return 'present';
    if ((await this.#readerEpoch()) !== before) return 'unwanted';
    await list?.();
    return 'loaded';
  }

  async readLimits(): Promise<ReadonlyMap<string, Position>> {
    return limitsOf((await this.#store.read('standings')).standings);
  }

  async openLane(lane: number): Promise<LaneProgress> {
    return this.#change(async () => {
      const { pipeline, lanes } = await this.#store.read('pipeline', 'lanes');
      requireKnownVersion(pipeline);
      const found = lanes.find((each) => each.lane === lane);
      if (found === undefined)
        throw new WeirError(
          'TARGET_NOT_READY',
          `the target has no lane ${lane} of the pipeline yet; it comes with the plan when the reader starts`,
        );
      const { step, opened } = openLane(found);
      return { step, result: opened };
    });
  }

  /** Throws FENCED where the lane is not where the batch begins; returns it. */
  async requireLane(batch: LaneBatch): Promise<LaneRecord> {
    const { lanes } = await this.#store.read('lanes');
    const found = lanes.find(({ lane }) => lane === batch.before.lane);
    if (found === undefined || !holds(found, moveLane(batch)[0])) throw fencedLane(batch);
    return found;
  }

  /** Throws FENCED where the lane is not where the batch begins. `also` is done with it. */
  async moveLane(batch: LaneBatch, also: StateStep = []): Promise<void> {
    if (!(await this.#store.commit([...moveLane(batch), ...also]))) throw fencedLane(batch);
  }

  /** False where the lane is not where the batch begins, or where entries are parked, behind which some of it may have to wait. */
  moveFlowing(batch: LaneBatch, note?: unknown): Promise<boolean> {
    return this.#store.commit(moveLane(batch, note, batch.changes.length > 0 ? false : undefined));
  }

  async arriveAtBarrier(lane: LaneProgress, barrier: Position): Promise<boolean> {
    if (!(await this.#store.commit(arriveAtBarrier(lane, barrier))))
      throw new WeirError(
        'FENCED',
        `lane ${lane.lane} is no longer at epoch ${lane.epoch}: another writer has it`,
      );
    return allArrived((await this.#store.read('lanes')).lanes, barrier);
  }

  async barrierDone(barrier: Position): Promise<boolean> {
    return barrierDone((await this.#store.read('lanes')).lanes, barrier);
  }

  /** Keeps a `KeptState`; anything else is of a source that this store does not know. */
  async writeSideState(state: unknown): Promise<void> {
    if (!isKeptState(state)) return;
    const { kept } = state;
    const { pipeline } = await this.#store.read('pipeline');
    // It comes again and again.
    if (pipeline === null || matches(pipeline, { kept })) return;
    await this.#store.commit([
      { kind: 'update', table: 'pipeline', key: {}, expect: {}, set: { kept } },
    ]);
  }

  reset(): Promise<void> {
    return this.#store.reset();
  }

  async #readerEpoch(): Promise<number | undefined> {
    return (await this.#store.read('pipeline')).pipeline?.readerEpoch;
  }

  /** Brings state of an earlier version to this one. */
  async #migrate(): Promise<void> {
    for (;;) {
      const { pipeline } = await this.#store.read('pipeline');
      requireKnownVersion(pipeline);
      const step = pipeline === null ? null : migration(pipeline);
      if (step === null) return;
      await this.#store.commit(step);
    }
  }

  /** Reads, decides and commits until nobody else has come in between. */
  async #change<T>(decide: () => Promise<{ step: StateStep; result: T }>): Promise<T> {
    for (;;) {
      const { step, result } = await decide();
      if (step.length === 0 || (await this.#store.commit(step))) return result;
    }
  }
}

/** Up to where the changes of each namespace may be applied: see `Sink.finishNamespaces`. */
export function limitsOf(
  standings: readonly Pick<Standing, 'namespace' | 'ready' | 'settled'>[],
): ReadonlyMap<string, Position> {
  return new Map(
    standings.map(({ namespace, ready, settled }) => [namespace, ready ? LAST_POSITION : settled]),
  );
}

/** Throws STATE_REFUSED where a newer Weir wrote it. */
function isPlanned(pipeline: PipelineRecord | null): pipeline is PipelineRecord {
  requireKnownVersion(pipeline);
  return pipeline !== null && pipeline.start !== null;
}

function progressOf(
  { readerEpoch, desired }: PipelineRecord,
  { lanes, standings, sums }: Pick<StateParts, 'lanes' | 'standings' | 'sums'>,
): PipelineProgress {
  return {
    readerEpoch,
    desired,
    lanes: toProgress(lanes),
    unfinished: standings
      .filter(({ ready, linked }) => !(ready && linked))
      .map(({ namespace }) => namespace),
    ...sums,
  };
}

function newPipeline(readerEpoch: number): PipelineRecord {
  return {
    version: STATE_VERSION,
    readerEpoch,
    desired: 'running',
    ordering: 'key',
    identity: null,
    start: null,
    snapshot: null,
    lanes: null,
    kept: null,
  };
}

function updatePipeline({ readerEpoch }: PipelineRecord, set: Partial<PipelineRecord>): StateStep {
  return [{ kind: 'update', table: 'pipeline', key: {}, expect: { readerEpoch }, set }];
}
