import { rm } from 'node:fs/promises';
import path from 'node:path';
import { LAST_POSITION, minPosition, type Position } from '../change/position.ts';
import type { NamespacePlan, PipelinePlan } from '../connector/plan.ts';
import type {
  ChangeCounts,
  ChunkHead,
  ChunkOutcome,
  LaneBatch,
  LaneProgress,
  PipelineProgress,
  PipelineState,
} from '../connector/sink.ts';
import { isKeptState, type KeptState, type RelationBarrier } from '../connector/source.ts';
import { WeirError } from '../errors/weir-error.ts';
import type { DesiredState } from '../progress/desired-state.ts';
import { ChunkMarks } from './chunk-marks.ts';
import { currentPlan, hasMoved, mergePlan, type StoredPlan } from './stored-plan.ts';
import { VersionedFile } from './versioned-file.ts';

interface PipelineRecord {
  readerEpoch: number;
  desired: DesiredState;
  plan: StoredPlan | null;
}

interface LaneRecord extends LaneProgress {
  /** What the sink noted with the last step that had a note. */
  note?: unknown;
  barrier: Position | null;
  counts: Record<string, ChangeCounts>;
  filtered?: Record<string, ChangeCounts>;
}

/**
 * The state of a pipeline whose target cannot hold it: plan, lanes, chunks and counts in a folder that all its writers
 * share. The methods are those of `Sink`; a sink writes first and then moves the lane or marks the chunk.
 */
export class PipelineLedger {
  readonly #folder: string;
  readonly #pipeline: VersionedFile<PipelineRecord>;
  readonly #marks: ChunkMarks;
  readonly #kept: VersionedFile<KeptState>;

  constructor(folder: string) {
    this.#folder = folder;
    this.#pipeline = new VersionedFile(path.join(folder, 'pipeline'));
    this.#kept = new VersionedFile(path.join(folder, 'kept'));
    this.#marks = new ChunkMarks(path.join(folder, 'chunks'));
  }

  async readState(): Promise<PipelineState | null> {
    const { value } = await this.#pipeline.read();
    const plan = await this.#readPlan(value);
    if (value === null || plan === null) return null;
    const progress = await this.#progressOf(value, plan);
    const kept = (await this.#kept.read()).value?.kept ?? null;
    return { ...progress, order: 'key', plan, kept };
  }

  async readProgress(): Promise<PipelineProgress | null> {
    const { value } = await this.#pipeline.read();
    const plan = await this.#readPlan(value);
    return value === null || plan === null ? null : this.#progressOf(value, plan);
  }

  async writeDesired(desired: DesiredState): Promise<boolean> {
    const { value } = await this.#pipeline.read();
    if (value === null || value.plan === null) return false;
    await this.#pipeline.update((record) => ({ ...record!, desired }));
    return true;
  }

  async beginReader(): Promise<number> {
    const { readerEpoch, plan } = await this.#pipeline.update((record) => ({
      desired: 'running',
      plan: null,
      ...record,
      readerEpoch: (record?.readerEpoch ?? 0) + 1,
    }));
    for (let lane = 0; lane < (plan?.lanes ?? 0); lane++)
      await this.#lane(lane).update((record) =>
        record === null || record.readerEpoch >= readerEpoch
          ? record!
          : { ...record, readerEpoch, sequence: 0 },
      );
    return readerEpoch;
  }

  /** Throws FENCED where another reader has begun: for a store that is changed before the plan is saved. */
  async requireReader(readerEpoch: number): Promise<void> {
    const { value } = await this.#pipeline.read();
    if (value?.readerEpoch !== readerEpoch) throw anotherReader(readerEpoch);
  }

  /** `done`: the chunks that the sink took for being in; left out, those that are by now. */
  async savePlan(
    plan: PipelinePlan,
    readerEpoch: number,
    done?: ReadonlyMap<number, number>,
  ): Promise<void> {
    const marks = done ?? (await this.#marks.read());
    let moved = false;
    await this.#pipeline.update((record) => {
      if (record === null || record.readerEpoch !== readerEpoch) throw anotherReader(readerEpoch);
      moved = record.plan !== null && hasMoved(record.plan, plan);
      return { ...record, plan: mergePlan(record.plan, plan, marks) };
    });
    for (let lane = 0; lane < plan.lanes; lane++)
      await this.#lane(lane).update((record) => {
        if (record !== null && !moved) return record;
        return {
          lane,
          epoch: record === null ? 0 : record.epoch + 1,
          readerEpoch: 0,
          sequence: 0,
          position: plan.start,
          barrier: null,
          counts: record?.counts ?? {},
          filtered: record?.filtered ?? {},
        };
      });
  }

  /** Whether the target wants the chunk now; anything but `wanted` is what `writeData` answers. */
  async wants({
    id,
    namespace,
    how,
  }: Pick<ChunkHead, 'id' | 'namespace' | 'how'>): Promise<
    'wanted' | 'present' | 'unwanted' | 'early'
  > {
    const { value } = await this.#pipeline.read();
    const stored = value?.plan?.namespaces.find((each) => each.relation.namespace === namespace);
    if (!stored?.chunks.some((chunk) => chunk.id === id)) return 'unwanted';
    if (await this.#marks.has(id)) return 'present';
    const lanes = how === 'merge' ? await this.#readLanes(value!.plan!.lanes) : [];
    const least = minPosition(lanes.map(({ position }) => position));
    return least !== null && least < stored.settled ? 'early' : 'wanted';
  }

  /**
   * A chunk from question to mark: `write` puts it into the store, and `list`, where there is one, makes it count there.
   * `write` may take minutes, and a reader that begins meanwhile may plan the same rows as another chunk. So the ledger is
   * asked again when the mark is there: a reader that begins after that finds it, and of one that began before, nothing
   * is listed here; what it still wants under this id it lists itself.
   */
  async takeChunk(
    chunk: ChunkHead,
    write: () => Promise<void>,
    list?: () => Promise<void>,
  ): Promise<ChunkOutcome> {
    const before = await this.#readerEpoch();
    const wanted = await this.wants(chunk);
    if (wanted !== 'wanted') return wanted;
    await write();
    if ((await this.#readerEpoch()) !== before) return 'unwanted';
    await this.markChunk(chunk);
    if ((await this.#readerEpoch()) !== before) return 'unwanted';
    await list?.();
    return 'loaded';
  }

  async markChunk(chunk: Pick<ChunkHead, 'id' | 'rows' | 'batchKey'>): Promise<void> {
    await this.#marks.add(chunk.id, chunk.rows(), chunk.batchKey());
  }

  /** As `Sink.finishNamespaces` too, where nothing is to be done for it. */
  async readLimits(): Promise<ReadonlyMap<string, Position>> {
    const { value } = await this.#pipeline.read();
    const plan = await this.#readPlan(value);
    return new Map(
      plan?.namespaces.map(({ relation, state, settled }) => [
        relation.namespace,
        state === 'ready' ? LAST_POSITION : settled,
      ]),
    );
  }

  async openLane(lane: number): Promise<LaneProgress> {
    const record = await this.#lane(lane).update((record) => {
      if (record === null)
        throw new WeirError(
          'TARGET_NOT_READY',
          `there is no lane ${lane} of the pipeline yet; it comes with the plan when the reader starts`,
        );
      return { ...record, epoch: record.epoch + 1 };
    });
    return toProgress(record);
  }

  /** Throws FENCED where the lane is not where the batch begins: for a store that is written before the lane moves. */
  async refuseStale(batch: LaneBatch): Promise<void> {
    if (!isAt((await this.#lane(batch.before.lane).read()).value, batch)) throw stale(batch);
  }

  /**
   * Moves the lane with its counts, or throws FENCED where it is not where the batch began. `note` stays with the lane
   * until the next: what a sink must not forget of its last step.
   */
  async moveLane(batch: LaneBatch, note?: unknown): Promise<void> {
    const { before, after, counts, filtered: more } = batch;
    await this.#lane(before.lane).update((record) => {
      if (!isAt(record, batch)) throw stale(batch);
      const { readerEpoch, sequence, position } = after;
      const sums = addCounts(record.counts, counts);
      const filtered = addCounts(record.filtered ?? {}, more ?? new Map());
      const moved = { ...record, readerEpoch, sequence, position, counts: sums, filtered };
      return note === undefined ? moved : { ...moved, note };
    });
  }

  /** As the plan was last saved: with the chunks that have come since. */
  async readPlanned(): Promise<readonly NamespacePlan[]> {
    const { value } = await this.#pipeline.read();
    return value?.plan?.namespaces ?? [];
  }

  /** Of all lanes that have one. */
  async readNotes(): Promise<unknown[]> {
    const { value } = await this.#pipeline.read();
    const lanes = await this.#readLanes(value?.plan?.lanes ?? 0);
    return lanes.flatMap(({ note }) => (note === undefined ? [] : [note]));
  }

  /** Rows of the chunks that are in, by their ids. */
  readChunks(): Promise<ReadonlyMap<number, number>> {
    return this.#marks.read();
  }

  async arriveAtBarrier({ lane, epoch }: LaneProgress, barrier: Position): Promise<boolean> {
    await this.#lane(lane).update((record) => {
      if (record?.epoch !== epoch)
        throw new WeirError('FENCED', `lane ${lane} is no longer at epoch ${epoch}`);
      return record.barrier === barrier ? record : { ...record, barrier };
    });
    const { value } = await this.#pipeline.read();
    const lanes = await this.#readLanes(value?.plan?.lanes ?? 0);
    return lanes.every(
      (each) => each.position >= barrier || (each.barrier !== null && each.barrier >= barrier),
    );
  }

  async barrierDone(position: Position): Promise<boolean> {
    const { value } = await this.#lane(0).read();
    return value !== null && value.position >= position;
  }

  /** Notes the new shape of a namespace; repeatable. Refuses what cannot be followed: nobody here could tell it mended. */
  async changeRelation({ after, changes = [] }: RelationBarrier): Promise<void> {
    const { namespace } = after.relation;
    if (changes.length > 0)
      throw new WeirError(
        'SCHEMA_CHANGED',
        `${namespace} changed at the source in a way that cannot be followed: ${changes.map(({ says }) => says).join('; ')}; run \`weir reset\` and copy anew`,
      );
    await this.#pipeline.update((record) => {
      if (record === null || record.plan === null) throw gone();
      const namespaces = record.plan.namespaces.map((each) =>
        each.relation.namespace === namespace ? { ...each, ...after } : each,
      );
      return { ...record, plan: { ...record.plan, namespaces } };
    });
  }

  async writeSideState(state: unknown): Promise<void> {
    if (!isKeptState(state)) return;
    const text = JSON.stringify(state);
    await this.#kept.update((known) => (JSON.stringify(known) === text ? known! : state));
  }

  async reset(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #readerEpoch(): Promise<number | undefined> {
    return (await this.#pipeline.read()).value?.readerEpoch;
  }

  async #readPlan(record: PipelineRecord | null): Promise<PipelinePlan | null> {
    const plan = record?.plan ?? null;
    return plan === null ? null : currentPlan(plan, await this.#marks.read());
  }

  async #progressOf(record: PipelineRecord, plan: PipelinePlan): Promise<PipelineProgress> {
    const lanes = await this.#readLanes(plan.lanes);
    return {
      readerEpoch: record.readerEpoch,
      desired: record.desired,
      // One that has come to a barrier which was carried out is behind it, though its owner may not have noted so.
      lanes: lanes.map(({ barrier, ...lane }) => {
        const passed = barrier !== null && barrier <= lanes[0]!.position ? barrier : lane.position;
        return { ...toProgress({ ...lane, barrier }), position: later(lane.position, passed) };
      }),
      unfinished: plan.namespaces
        .filter(({ state }) => state !== 'ready')
        .map(({ relation }) => relation.namespace),
      applied: sumOf(lanes.map(({ counts }) => counts)),
      filtered: sumOf(lanes.map(({ filtered = {} }) => filtered)),
      parked: {},
      discarded: {},
    };
  }

  async #readLanes(count: number): Promise<LaneRecord[]> {
    const lanes = Array.from({ length: count }, (_, lane) => this.#lane(lane).read());
    return (await Promise.all(lanes)).flatMap(({ value }) => (value === null ? [] : [value]));
  }

  #lane(lane: number): VersionedFile<LaneRecord> {
    return new VersionedFile(path.join(this.#folder, `lane-${lane}`));
  }
}

function isAt(record: LaneRecord | null, { before, after }: LaneBatch): record is LaneRecord {
  return (
    record !== null &&
    record.epoch === before.epoch &&
    record.position === before.position &&
    ((record.readerEpoch === before.readerEpoch && record.sequence === before.sequence) ||
      (record.readerEpoch === after.readerEpoch && record.sequence === 0))
  );
}

function anotherReader(readerEpoch: number): WeirError {
  return new WeirError('FENCED', `another reader has started since epoch ${readerEpoch}`);
}

function stale({ before }: LaneBatch): WeirError {
  return new WeirError(
    'FENCED',
    `lane ${before.lane} is no longer at epoch ${before.epoch}, sequence ${before.sequence}: another writer has it, or this batch is in already`,
  );
}

function later(a: Position, b: Position): Position {
  return a > b ? a : b;
}

function toProgress({ lane, epoch, readerEpoch, sequence, position }: LaneRecord): LaneProgress {
  return { lane, epoch, readerEpoch, sequence, position };
}

function sumOf(lanes: readonly Record<string, ChangeCounts>[]): Record<string, ChangeCounts> {
  return lanes.reduce((sums, counts) => addCounts(sums, new Map(Object.entries(counts))), {});
}

function addCounts(
  sums: Readonly<Record<string, ChangeCounts>>,
  more: ReadonlyMap<string, ChangeCounts>,
): Record<string, ChangeCounts> {
  const total = { ...sums };
  for (const [namespace, counts] of more) {
    const had = total[namespace] ?? { inserts: 0, updates: 0, deletes: 0, truncates: 0 };
    total[namespace] = {
      inserts: had.inserts + counts.inserts,
      updates: had.updates + counts.updates,
      deletes: had.deletes + counts.deletes,
      truncates: had.truncates + counts.truncates,
    };
  }
  return total;
}

function gone(): WeirError {
  return new WeirError('POSITION_LOST', 'the state of this pipeline is gone; copy anew');
}
