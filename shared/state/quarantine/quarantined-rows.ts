import { sourceOf } from '../../change/namespace-part.ts';
import { FIRST_POSITION, type Position } from '../../change/position.ts';
import type { Relation } from '../../change/relation.ts';
import { TupleSplitter } from '../../change/tuple-splitter.ts';
import type { ConnectorLog } from '../../connector/end-options.ts';
import type { ChunkHead, ChunkOutcome, LaneBatch, LaneProgress } from '../../connector/sink.ts';
import type { Barrier } from '../../change/barrier.ts';
import { WeirError } from '../../errors/weir-error.ts';
import { markChunk } from '../chunk-steps.ts';
import { moveLane } from '../lane-steps.ts';
import type { RowSink, RowWriter } from '../row-sink.ts';
import type { StateStore } from '../state-store.ts';
import type { StateStep } from '../state-step.ts';
import { StoredPipeline } from '../stored-pipeline.ts';
import { type Aside, BEHIND, failedAside, toCopiedAside, without } from './aside.ts';
import type { Unit } from './change-unit.ts';
import { readKeyTexts } from './listed-entries.ts';
import { plainTexts } from './plain-texts.ts';
import { putAside } from './quarantine-steps.ts';
import { reasonOf, refusedRowError } from './refusal.ts';
import type { QuarantineHome } from './parking-over.ts';
import { RowSinkTarget, type RowSinkTargetOptions } from './row-sink-target.ts';
import { setApart, type SetApart } from './set-apart.ts';
import { setMovesApart } from './set-moves-apart.ts';
import { splitOff } from './split-off.ts';
import { logRefused } from './log-refused.ts';

export interface QuarantineOptions {
  state: StateStore;
  rows: RowSink;
  onBadRow: 'stop' | 'park';
  log: ConnectorLog;
}

/** What a sink over a `RowSink` does where a row is refused, or where some are parked already. */
export class QuarantinedRows {
  readonly #options: QuarantineOptions;

  readonly #pipeline: StoredPipeline;

  constructor(options: QuarantineOptions) {
    this.#options = options;
    this.#pipeline = new StoredPipeline(options.state);
  }

  /** Writes a batch of which something is refused or has to wait. */
  writeUpdates(batch: LaneBatch): Promise<void> {
    return this.#write(batch, (room, marked) =>
      setApart(room, batch, { marked, onBadRow: this.#options.onBadRow }),
    );
  }

  runMoves(batch: LaneBatch, barrier: Extract<Barrier, { kind: 'move' }>): Promise<void> {
    return this.#write(batch, (room, marked) =>
      setMovesApart(room, batch, barrier, { marked, onBadRow: this.#options.onBadRow }),
    );
  }

  /** Until nobody else has come in between what was read of the lane and the step that moves it. */
  async #write(
    batch: LaneBatch,
    apply: (room: RowSinkTarget, marked: boolean) => Promise<SetApart>,
  ): Promise<void> {
    const { state, rows } = this.#options;
    for (;;) {
      const { parked: marked } = await this.#pipeline.requireLane(batch);
      const guard = async (): Promise<void> => void (await this.#pipeline.requireLane(batch));
      const room = new RowSinkTarget({ state, rows, batch, guard });
      const { aside, refused } = await apply(room, marked);
      await this.#stopAt(refused);
      const counts = without(batch.counts, aside);
      const note = room.notes.length === 0 ? undefined : room.notes.flat();
      const [move, ...added] = moveLane({ ...batch, counts }, note, marked);
      if (!(await room.finish([move, ...added, ...putAside(aside, marked)]))) continue;
      if (note !== undefined) await rows.applied?.(note);
      logRefused(this.#options.log, refused);
      return;
    }
  }

  /** Whether rows of the chunk may have to wait behind others, or are known to be refused. */
  async mustTakeCare({ id, namespace }: ChunkHead): Promise<boolean> {
    const { state } = this.#options;
    if ((await state.readChunk(id))?.careful === true) return true;
    return (await state.parked.shapes(sourceOf(namespace))).size > 0;
  }

  /** The chunk comes again, and is then loaded so that the refused row can be told from the others. */
  async takeCareNextTime({ id }: ChunkHead): Promise<void> {
    const expect = { done: false };
    const set = { careful: true };
    await this.#options.state.commit([
      { kind: 'update', table: 'chunk', key: { id }, expect, set },
    ]);
  }

  /** Loads a chunk, all of which is held in memory, without what is refused or has to wait. */
  async loadChunk(chunk: ChunkHead, parts: AsyncIterable<Buffer>): Promise<ChunkOutcome> {
    const { state, rows, log } = this.#options;
    const { relation } = chunk;
    const before = await this.#readerEpoch();
    const upserts: Buffer[] = [];
    const splitter = new TupleSplitter();
    for await (const part of parts)
      for (const tuple of splitter.take(part)) upserts.push(Buffer.from(tuple));
    const writeOf = (_: Relation, units: readonly Unit[]) => (writer: RowWriter) =>
      writer.load({ ...chunk, rows: () => units.length }, inOnePart(units));
    const room = new RowSinkTarget({ state, rows, batch: NO_BATCH, writeOf });
    const changes = { relation, upserts, partial: [], deletes: [] };
    const { stay, wait } = await splitOff(room, changes);
    const found = await room.applyIsolating(relation, stay);
    const loaded = stay.length - found.length;
    // Also where nothing is left: the chunk is there.
    if (loaded === 0) await room.attempt(relation, []);
    const reasons = new Map([
      ...wait.map((unit) => [unit, BEHIND] as const),
      ...found.map(({ unit, error }) => [unit, reasonOf(error)] as const),
    ]);
    const start = await this.#startOf(chunk);
    const chains = await room.chainsOf(relation, [...reasons.keys()]);
    const copied = toCopiedAside(relation, reasons, chains, start);
    await this.#stopAt(copied.slice(wait.length));
    const aside = [...copied, ...failedAside(relation, chunk.failed?.() ?? [], start)];
    // As in `StoredPipeline.takeChunk`.
    if ((await this.#readerEpoch()) !== before) return 'unwanted';
    const step = [...markChunk(chunk), ...putAside(aside, await this.#isMarked())];
    if (!(await room.finish(step))) return 'present';
    if ((await this.#readerEpoch()) !== before) return 'unwanted';
    await rows.count?.({ ...chunk, rows: () => loaded });
    logRefused(log, aside.slice(wait.length));
    return 'loaded';
  }

  /** Puts the rows of a chunk aside that a step failed for; to be done with its mark, once it has been read. */
  async failedOf(chunk: ChunkHead): Promise<StateStep> {
    const failed = chunk.failed?.() ?? [];
    if (failed.length === 0) return [];
    const aside = failedAside(chunk.relation, failed, await this.#startOf(chunk));
    logRefused(this.#options.log, aside);
    return putAside(aside, await this.#isMarked());
  }

  /** For people who look after what is parked. */
  home(): QuarantineHome {
    const { state, rows } = this.#options;
    return {
      ask: (work) => work(state.parked, plainTexts()),
      settle: (work) =>
        untilDone(async () => {
          const { step, result } = await work(state.parked);
          return (await state.commit(step)) ? { result } : null;
        }),
      replay: (work) =>
        untilDone(async () => {
          const room = new RowSinkTarget({ state, rows, ...(await this.#replayed()) });
          try {
            const { step, result } = await work(room);
            // What counts only once it is listed is listed before nothing waits for it any more.
            if (room.notes.length > 0) await rows.applied?.(room.notes.flat());
            return (await room.finish(step)) ? { result } : null;
          } catch (error) {
            if (error === TAKEN) return null;
            throw error;
          }
        }),
      retry: (work) => work({ parked: state.parked, commit: (step) => state.commit(step) }),
    };
  }

  /**
   * Nothing is written of an entry that is parked no more: changes of its key may have gone by since somebody else took it
   * out.
   */
  async #replayed(): Promise<Pick<RowSinkTargetOptions, 'batch' | 'guard' | 'parked'>> {
    const { parked } = this.#options.state;
    let ids: number[] = [];
    const { lanes } = await this.#options.state.read('lanes');
    const [first] = lanes;
    const lane = first ?? NO_BATCH.before;
    return {
      batch: { ...NO_BATCH, before: lane, after: lane },
      parked: {
        ...parked,
        async read(page) {
          const records = await parked.read(page);
          ids = records.map(({ id }) => id);
          return records;
        },
      },
      async guard() {
        if ((await parked.count({ kind: 'ids', ids })) < ids.length) throw TAKEN;
      },
    };
  }

  async #stopAt(refused: readonly Aside[]): Promise<void> {
    const [first] = refused;
    if (first === undefined || this.#options.onBadRow === 'park') return;
    throw refusedRowError(first, await readKeyTexts(plainTexts(), first));
  }

  async #isMarked(): Promise<boolean> {
    const { lanes } = await this.#options.state.read('lanes');
    return lanes.every(({ parked }) => parked);
  }

  async #startOf({ namespace }: ChunkHead): Promise<Position> {
    const { planned } = await this.#options.state.read('planned');
    const found = planned.find((each) => each.namespace === namespace);
    if (found === undefined) throw new WeirError('FENCED', `the plan has no ${namespace} any more`);
    return found.start;
  }

  async #readerEpoch(): Promise<number | undefined> {
    return (await this.#options.state.read('pipeline')).pipeline?.readerEpoch;
  }
}

/** Somebody else has taken entries out. */
const TAKEN = new Error('entries were taken out');

const NO_LANE: LaneProgress = {
  lane: 0,
  epoch: 0,
  readerEpoch: 0,
  sequence: 0,
  position: FIRST_POSITION,
};

/** For what is written of no batch of a lane. */
const NO_BATCH: LaneBatch = { before: NO_LANE, after: NO_LANE, changes: [], counts: new Map() };

async function untilDone<T>(work: () => Promise<{ result: T } | null>): Promise<T> {
  for (;;) {
    const done = await work();
    if (done !== null) return done.result;
  }
}

async function* inOnePart(units: readonly Unit[]): AsyncGenerator<Buffer> {
  for (const { bytes } of units) yield await Promise.resolve(bytes);
}
