import type { ChangeCounts } from '../change/change-counts.ts';
import type { DesiredState } from '../progress/desired-state.ts';
import type { Position } from '../change/position.ts';
import type { Relation, RelationPlan } from '../change/relation.ts';
import type { Finding } from './finding.ts';
import type { ParkedCounts, Parking } from './parking.ts';
import type { FailedRow } from '../change/failed-row.ts';
import type { PipelinePlan } from './plan.ts';
import type { Chunk } from './chunk.ts';
import type { Barrier, RelationBarrier } from '../change/barrier.ts';
import type { ChangeKind } from '../change/change-kind.ts';

/**
 * A store that is written. It keeps the pipeline's state beside the data and changes both in one transaction:
 * that is what "nothing twice" rests on. Errors: FENCED where another owner has taken over, UNREACHABLE where the
 * store went away, ROW_REFUSED where it refuses a row, TARGET_UNFIT and SCHEMA_CHANGED where a person must act.
 */
export interface Sink {
  /** For people who list, replay or discard rows that were put aside (`SinkOptions.onBadRow`); null where the store cannot do so. */
  readonly parking: Parking | null;
  /**
   * Preflight: rights, existing namespaces, what firing constraints would break; changes nothing. `besides` comes from a
   * source of the same kind; `changes` are barriers that a start would bring, of which it says which it would refuse.
   */
  check(
    relations: readonly RelationPlan[],
    besides?: unknown,
    changes?: readonly RelationBarrier[],
  ): Promise<Finding[]>;

  /** The pipeline as the target has it; null where it has nothing of that name. */
  readState(): Promise<PipelineState | null>;
  readProgress(): Promise<PipelineProgress | null>;
  /** False where the target has no pipeline of that name. */
  writeDesired(desired: DesiredState): Promise<boolean>;
  /** A reader starts: raises the reader's epoch (frames of earlier epochs are refused from now on). */
  beginReader(): Promise<number>;
  /**
   * Stores a new or continued plan and creates what is missing for it, all or nothing. Repeatable. Returns the source
   * namespaces whose rows the target binds to each other more than the source does: see `ChangeReceiver.together`.
   */
  savePlan(plan: PipelinePlan, readerEpoch: number): Promise<readonly string[]>;
  /** The same as the target is by now, without those that the stored plan keeps in one lane. */
  readTogether?(): Promise<readonly string[]>;

  /**
   * Loads one chunk with its ledger entry in one transaction. `parts` yields the bytes in order and throws to give
   * up. Unless `loaded` or `again`, nothing was read from `parts`.
   */
  writeData(chunk: ChunkHead, parts: AsyncIterable<Buffer>): Promise<ChunkOutcome>;
  /**
   * Finishes namespaces whose chunks are all in (indexes, constraints) and marks them ready. Returns up to where the
   * changes of each namespace may be applied: its `settled`, or `LAST_POSITION` once it is ready.
   */
  finishNamespaces(): Promise<ReadonlyMap<string, Position>>;

  /** What `finishNamespaces` would return, at once and without finishing anything. */
  readLimits(): Promise<ReadonlyMap<string, Position>>;

  /** Takes a lane: its epoch grows, so that no earlier owner can commit to it any more. */
  openLane(lane: number): Promise<LaneProgress>;
  /** Applies net changes and moves the lane's progress from `before` to `after` in one transaction, or throws. */
  writeUpdates(batch: LaneBatch): Promise<void>;
  /** For `order: transaction`, instead of the above and of barriers: see `OrderedWriter`. Opens nothing yet. A store that
   * cannot do it leaves this out. */
  createOrderedWriter?(): OrderedWriter;
  /** Notes that the lane has come to the barrier at `position`; returns whether all lanes have. */
  arriveAtBarrier(lane: LaneProgress, position: Position): Promise<boolean>;
  /** Whether the barrier at `position` has been carried out (by lane 0, which moves on in the same transaction). */
  barrierDone(position: Position): Promise<boolean>;
  /** Carries out the barrier and moves the lane's progress in one transaction. */
  runBarrier(batch: LaneBatch, barrier: Barrier): Promise<void>;
  /** Sets what travels beside the log (`SourceSession.sideState`), never backwards; or keeps a `KeptState`. */
  writeSideState(state: unknown): Promise<void>;

  /** What this sink waits for at the target although nothing has failed, such as a lock and who holds it: one sentence. */
  problem?(): string | null;
  /** What a person should look after at the target and no error tells, a sentence each, as far as this sink has seen. */
  warnings?(): readonly string[];
  /** Removes the pipeline's state from the target; the data stays. Repeatable. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export interface PipelineState extends PipelineProgress {
  /** As the pipeline was made: `SinkOptions.order`. */
  order: 'key' | 'transaction';
  plan: PipelinePlan;
  /** Of the last `KeptState` that was written; null before the first. */
  kept: unknown;
}

/** The part of the state that moves all the time; small, whatever the number of chunks. */
export interface PipelineProgress {
  readerEpoch: number;
  desired: DesiredState;
  lanes: LaneProgress[];
  /** Namespaces that lack something which comes when all are in, such as foreign keys. */
  unfinished: string[];
  /** Cumulative, per source namespace, in the target's own transactions. */
  applied: Record<string, ChangeCounts>;
  /** What is aside now, per source namespace; what was read is applied, parked, discarded or on its way. */
  parked: Record<string, ParkedCounts>;
  /** Cumulative: what people have dropped of what was parked. */
  discarded: Record<string, ChangeCounts>;
  /** Cumulative: what a transformer has left out. */
  filtered: Record<string, ChangeCounts>;
  /**
   * Cumulative: updates and deletes, among those applied, of rows that the target did not have; left out where the
   * target does not tell.
   */
  unmet?: Record<string, ChangeCounts>;
  /** Namespaces of which not all of these can be told: more may have met no row than are counted. */
  unmetUnknown?: string[];
}

export interface LaneProgress {
  lane: number;
  /** Of the lane's owner. */
  epoch: number;
  /** Of the reader whose frames are taken, and the sequence of the last of them that was applied; 0 before the first. */
  readerEpoch: number;
  sequence: number;
  /** Everything of this lane up to and including it is in the target. */
  position: Position;
}

/**
 * `present`: the ledger has the chunk already. `unwanted`: it is of a plan that has been replaced. `early`: it is to be
 * merged, and not every lane has come to the namespace's `settled` yet. `again`: a row of it was refused, and which one
 * will be found when its bytes come once more.
 */
export type ChunkOutcome = 'loaded' | 'present' | 'unwanted' | 'early' | 'again';

export interface ChunkHead extends Pick<Chunk, 'id' | 'namespace' | 'how' | 'dataType'> {
  relation: Relation;
  /** Where a step sends its rows one by one: each has one value more, last, the namespace of one of these. */
  spread?: readonly Relation[];
  /** xxhash64 over the chunk's identity and bytes, known when the last part has been yielded. */
  batchKey: () => string;
  /** Rows that are to be loaded, known when the last part has been yielded. */
  rows: () => number;
  /** Rows of it at the source that a transformer left out, known as `rows` is. */
  filtered: () => number;
  /** Those of `rows` that a step failed for and that are to be put aside, known as `rows` is. */
  failed?: () => readonly FailedRow[];
}

export interface LaneBatch {
  before: LaneProgress;
  after: LaneProgress;
  /** At most one entry a relation. */
  changes: NetChanges[];
  /** Per source namespace: what the source did, before folding. */
  counts: ReadonlyMap<string, ChangeCounts>;
  /** The same of changes that a transformer left out, which are not among `counts`. */
  filtered?: ReadonlyMap<string, ChangeCounts>;
  /** To be put aside behind whatever of their keys is in `changes`, in their order; among `counts`. */
  held?: readonly HeldChange[];
  /**
   * What the source did to rows of a namespace, told by their keys (whole rows for identity `row`) in latin1; asked
   * only when some of them cannot be applied. Left out, each net change counts as one.
   */
  originsOf?: (namespace: string, keys: ReadonlySet<string>) => Map<string, ChangeOrigin>;
}

/** One change of a row that a step of the transforms failed for, or that came behind such a one of its key. */
export interface HeldChange {
  relation: Relation;
  kind: 'upsert' | 'update' | 'delete';
  /** The tuple, or the key of a delete (see `NetChanges`); left out where a step failed. */
  bytes?: Buffer;
  failed: FailedRow | null;
  counts: ChangeCounts;
  position: Position;
}

export interface ChangeOrigin {
  counts: ChangeCounts;
  /** Of the last of the changes. */
  position: Position;
}

/**
 * What a run of changes comes to. For identity `key`, each key occurs once, in `upserts` or in `deletes`, and the
 * deletes go first. For identity `row`, one equal row is removed for each entry of `deletes`, and each of `upserts`
 * is inserted. For `none`, `upserts` are inserted.
 */
export interface NetChanges {
  relation: Relation;
  /** Tuples (`tuple.ts`); those of `partial` have unchanged columns, whose value at the target stays. */
  upserts: Buffer[];
  /**
   * So many of `upserts`, the first ones, are rows whose keys came into being here, so that the target should have none
   * of them: what allows a faster way, and is no promise. None where left out.
   */
  fresh?: number;
  partial: Buffer[];
  /** Keys, or whole tuples for identity `row`. */
  deletes: Buffer[];
  /** So many of `deletes`, the last ones, are of keys that came into being here: the target need not have them. */
  passed?: number;
}

/**
 * Applies one lane's changes in the order of the source, with the constraints of the target in force from the instant
 * on from which its rows are those of one instant of the source. What is written can be seen when a batch says
 * `commit`, all of it at once. After an error nothing of what was not committed is kept, and the writer is closed.
 */
export interface OrderedWriter {
  /** Applies a batch in the open transaction, beginning one where there is none, and moves the lane's progress. */
  write(batch: OrderedBatch): Promise<void>;
  /** Forgets what was not committed. A later batch begins anew. */
  close(): Promise<void>;
}

export interface OrderedBatch extends Omit<LaneBatch, 'changes'> {
  runs: ChangeRun[];
  /** Comes alone, without runs. */
  barrier: Barrier | null;
  commit: boolean;
}

/** Changes of one relation and kind that follow each other at the source. */
export interface ChangeRun {
  relation: Relation;
  kind: ChangeKind;
  changes: RunChange[];
}

/** As for `ChangeReceiver.change`; views that live as long as the batch. */
export interface RunChange {
  key: Buffer;
  row: Buffer;
  partial: boolean;
}
