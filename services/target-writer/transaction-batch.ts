import { RecordCursor } from '../../shared/change/change-record.ts';
import type { Frame } from '../../shared/change/frame.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { ChangeRun, LaneProgress, OrderedBatch } from '../../shared/connector/sink.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import type { Barrier } from '../../shared/change/barrier.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';
import { addChanges, noChanges } from '../../shared/progress/change-kinds.ts';
import { countsOf } from './barrier.ts';
import type { Committed } from './writer-meter.ts';

/** What is given to the target at once, whether or not a transaction ends with it. */
const MAX_BYTES = 4 << 20;

/** A run of frames as the changes that they bring, in the order of the source. Nothing is folded. */
export class TransactionBatch {
  readonly replies: string[] = [];
  readonly sourceTimes: number[] = [];
  changes = 0;
  /** Of the payloads. */
  bytes = 0;
  readonly #before: LaneProgress;
  readonly #runs: ChangeRun[] = [];
  readonly #counts = new Map<string, ChangeCounts>();
  readonly #filtered = new Map<string, ChangeCounts>();
  #after: LaneProgress;
  #open: boolean;

  /** `open`: it goes on with a transaction of which the batch before has a part. */
  constructor(before: LaneProgress, open = false) {
    this.#before = before;
    this.#after = before;
    this.#open = open;
  }

  get isEmpty(): boolean {
    return this.replies.length === 0;
  }

  get isFull(): boolean {
    return this.bytes >= MAX_BYTES;
  }

  /** Whether its end is the end of a transaction of the source. */
  get isWhole(): boolean {
    return !this.#open;
  }

  add(frame: Frame, replies: readonly string[], intern: (relation: Relation) => Relation): void {
    this.replies.push(...replies);
    this.bytes += frame.payload.length;
    this.#open = frame.open === true;
    if (frame.kind === 'changes') this.#addChanges(frame, intern);
    const { position } = this.#after;
    this.#after = {
      ...this.#before,
      readerEpoch: frame.readerEpoch,
      sequence: frame.sequence,
      position: frame.last > position ? frame.last : position,
    };
  }

  /** `barrier`: of its only frame. */
  toOrderedBatch(barrier: Barrier | null = null): OrderedBatch {
    // A barrier that the target has passed already comes again where its lane was read again.
    const due = barrier !== null && this.#after.position > this.#before.position ? barrier : null;
    return {
      before: this.#before,
      after: this.#after,
      runs: this.#runs,
      barrier: due,
      counts: due === null ? this.#counts : countsOf(due),
      ...(this.#filtered.size > 0 && { filtered: this.#filtered }),
      commit: this.isWhole,
    };
  }

  #addChanges(frame: Frame, intern: (relation: Relation) => Relation): void {
    const { position } = this.#before;
    const known = frame.first <= position ? Buffer.from(position, 'hex') : null;
    const relations = (frame.body.relations ?? []).map(intern);
    const records = new RecordCursor(frame.payload);
    while (records.advance()) {
      if (known !== null && !records.isAfter(known)) continue;
      const { kind, key, row, partial, filtered } = records;
      const relation = relations[records.relation]!;
      if (!filtered) this.#runOf(relation, kind).changes.push({ key, row, partial });
      // Its row was carried until now.
      else if (key.length > 0) this.#runOf(relation, 'delete').changes.push({ key, row, partial });
      if (!records.uncounted)
        count(countsIn(filtered ? this.#filtered : this.#counts, relation.namespace), kind);
      this.changes++;
    }
    this.sourceTimes.push(frame.sourceTimeMs);
  }

  #runOf(relation: Relation, kind: ChangeKind): ChangeRun {
    const last = this.#runs.at(-1);
    if (last?.relation === relation && last.kind === kind) return last;
    const run: ChangeRun = { relation, kind, changes: [] };
    this.#runs.push(run);
    return run;
  }
}

function countsIn(all: Map<string, ChangeCounts>, namespace: string): ChangeCounts {
  let counts = all.get(namespace);
  if (counts === undefined) all.set(namespace, (counts = noChanges()));
  return counts;
}

function count(counts: ChangeCounts, kind: ChangeKind): void {
  if (kind === 'insert') counts.inserts++;
  else if (kind === 'delete') counts.deletes++;
  else counts.updates++;
}

/** What the batches of one transaction come to. */
export class WrittenChanges implements Committed {
  changes = 0;
  bytes = 0;
  readonly counts = new Map<string, ChangeCounts>();
  readonly sourceTimes: number[] = [];

  add(batch: TransactionBatch, counts: ReadonlyMap<string, ChangeCounts>): void {
    this.changes += batch.changes;
    this.bytes += batch.bytes;
    for (const time of batch.sourceTimes) this.sourceTimes.push(time);
    for (const [namespace, more] of counts) {
      const sum = this.counts.get(namespace) ?? noChanges();
      addChanges(sum, more);
      this.counts.set(namespace, sum);
    }
  }
}
