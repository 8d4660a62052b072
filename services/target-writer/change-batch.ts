import { RecordCursor } from '../../shared/change/change-record.ts';
import type { Frame } from '../../shared/change/frame.ts';
import { keyNameOf } from '../../shared/document/document-relation.ts';
import type { Position } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { ChangeOrigin, LaneBatch, LaneProgress } from '../../shared/connector/sink.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';
import { Fold } from './fold.ts';
import { HeldChanges } from './held-changes.ts';

const MAX_BYTES = 2 << 20;

/** A run of frames of one lane that will be committed together. */
export class ChangeBatch {
  readonly replies: string[] = [];
  /** Source time of the oldest and newest change in it. */
  readonly sourceTimes: number[] = [];
  readonly #before: LaneProgress;
  readonly #folds = new Map<string, Fold>();
  readonly #counts = new Map<string, ChangeCounts>();
  readonly #filtered = new Map<string, ChangeCounts>();
  readonly #frames: { frame: Frame; known: Buffer | null }[] = [];
  #after: LaneProgress;
  readonly #held = new HeldChanges();
  #bytes = 0;
  #changes = 0;
  #records = 0;

  constructor(before: LaneProgress) {
    this.#before = before;
    this.#after = before;
  }

  get isEmpty(): boolean {
    return this.replies.length === 0;
  }

  get isFull(): boolean {
    return this.#bytes >= MAX_BYTES;
  }

  get changes(): number {
    return this.#changes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get counts(): ReadonlyMap<string, ChangeCounts> {
    return this.#counts;
  }

  /**
   * False where the frame has a relation in another shape than the batch, or comes from a later reader: commit first.
   * What an earlier reader sent is refused by its epoch, which a batch of both would hide.
   */
  fits(frame: Frame, intern: (relation: Relation) => Relation): boolean {
    if (!this.isEmpty && frame.readerEpoch !== this.#after.readerEpoch) return false;
    return (frame.body.relations ?? []).every((relation) => {
      const fold = this.#folds.get(relation.namespace);
      return fold === undefined || fold.relation === intern(relation);
    });
  }

  add(frame: Frame, replies: readonly string[], intern: (relation: Relation) => Relation): void {
    this.replies.push(...replies);
    this.#bytes += frame.payload.length;
    if (frame.kind === 'changes') this.#addChanges(frame, intern);
    this.#after = {
      ...this.#before,
      readerEpoch: frame.readerEpoch,
      sequence: frame.sequence,
      position: later(this.#after.position, frame.last),
    };
  }

  toLaneBatch(): LaneBatch {
    return {
      before: this.#before,
      after: this.#after,
      changes: [...this.#folds.values()].map((fold) => fold.net()),
      counts: this.#counts,
      ...(this.#filtered.size > 0 && { filtered: this.#filtered }),
      ...(this.#held.list.length > 0 && { held: this.#held.list }),
      originsOf: (namespace, keys) => this.#originsOf(namespace, keys),
    };
  }

  /** Reads the frames again: what folding has put together is told apart only where somebody asks. */
  #originsOf(namespace: string, keys: ReadonlySet<string>): Map<string, ChangeOrigin> {
    const origins = new Map<string, ChangeOrigin>();
    const relation = this.#folds.get(namespace)?.relation;
    if (relation === undefined) return origins;
    const wanted = new Map(
      [...keys].map((key) => [keyNameOf(relation, Buffer.from(key, 'latin1')), key]),
    );
    let nth = 0;
    for (const { frame, known } of this.#frames) {
      const index = frame.body.relations?.findIndex((each) => each.namespace === namespace);
      const records = new RecordCursor(frame.payload);
      while (records.advance()) {
        nth++;
        if (records.relation !== index || (known !== null && !records.isAfter(known))) continue;
        const key = wanted.get(keyNameOf(relation, records.key));
        if (key === undefined || records.failed) continue;
        if (this.#held.waits(frame.body.relations![index]!, records, nth)) continue;
        const counts = origins.get(key)?.counts ?? noCounts();
        // Those that a transformer left out are counted as such, whatever becomes of the rows they take away.
        if (!records.filtered && !records.uncounted) count(counts, records.kind);
        origins.set(key, { counts, position: records.position });
      }
    }
    return origins;
  }

  #addChanges(frame: Frame, intern: (relation: Relation) => Relation): void {
    const { position } = this.#before;
    const overlaps = frame.first <= position;
    const known = overlaps ? Buffer.from(position, 'hex') : null;
    const relations = (frame.body.relations ?? []).map(intern);
    const folds = relations.map((relation) => this.#foldOf(relation));
    const counts = relations.map(({ namespace }) => countsOf(this.#counts, namespace));
    const records = new RecordCursor(frame.payload);
    let failures = 0;
    while (records.advance()) {
      const nth = ++this.#records;
      const failure = records.failed ? failures++ : null;
      if (known !== null && !records.isAfter(known)) continue;
      const { kind, relation, filtered } = records;
      const of = relations[relation]!;
      this.#changes++;
      if (filtered) count(countsOf(this.#filtered, of.namespace), kind);
      else if (!records.uncounted) count(counts[relation]!, kind);
      if (failure !== null) this.#held.fail(records, frame, failure, of, nth);
      else if (this.#held.waits(of, records, nth)) this.#held.wait(records, of);
      else if (!filtered) folds[relation]!.add(kind, records);
      // Its row was carried until now.
      else if (records.key.length > 0) folds[relation]!.add('delete', records);
    }
    this.#frames.push({ frame, known });
    this.sourceTimes.push(frame.sourceTimeMs);
  }

  #foldOf(relation: Relation): Fold {
    let fold = this.#folds.get(relation.namespace);
    if (fold === undefined) {
      fold = new Fold(relation);
      this.#folds.set(relation.namespace, fold);
    }
    return fold;
  }
}

function countsOf(all: Map<string, ChangeCounts>, namespace: string): ChangeCounts {
  let counts = all.get(namespace);
  if (counts === undefined) {
    counts = noCounts();
    all.set(namespace, counts);
  }
  return counts;
}

function noCounts(): ChangeCounts {
  return { inserts: 0, updates: 0, deletes: 0, truncates: 0 };
}

function count(counts: ChangeCounts, kind: ChangeKind): void {
  if (kind === 'insert') counts.inserts++;
  else if (kind === 'update') counts.updates++;
  else counts.deletes++;
}

function later(a: Position, b: Position): Position {
  return a > b ? a : b;
}
