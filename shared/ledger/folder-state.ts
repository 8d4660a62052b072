import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { KeptState } from '../connector/source.ts';
import type { ParkedCounts } from '../connector/parking.ts';
import type { ParkedEntries } from '../state/quarantine/parked-entries.ts';
import { parkedIndex, type ParkedHead } from '../state/quarantine/parked-index.ts';
import { addCounts, type ChunkRecord, NO_CHANGES, type ParkedRecord } from '../state/records.ts';
import type { StatePart, StateParts, StateStore } from '../state/state-store.ts';
import {
  type Explain,
  holds,
  type Mark,
  type Park,
  type Settle,
  type StateChange,
  type StateStep,
  type Update,
} from '../state/state-step.ts';
import { ChunkMarks } from './chunk-marks.ts';
import { ParkedBodies } from './parked-bodies.ts';
import {
  changeParkedFile,
  NO_PARKED,
  type ParkedFile,
  type ParkedFileChange,
  type StoredBody,
  toHead,
} from './parked-file.ts';
import { changeLane, type LaneFile, toLaneRecord } from './lane-file.ts';
import {
  changePipeline,
  type ChunkMark,
  type PipelineFile,
  type StoredNamespace,
  toPipelineRecord,
  toPlanned,
  toStanding,
} from './pipeline-file.ts';
import { hasCode, type Versioned, VersionedFile } from './versioned-file.ts';

/**
 * The state of a pipeline whose target cannot hold it, in a folder that all its writers share: a versioned file for the
 * pipeline with its plan, one for each lane with its counts, one for what is parked, and a file for each chunk that is in.
 *
 * A step that concerns one lane is done when its file's next version is there. One that concerns several files is written
 * into the pipeline's file first, with what is left to do; whoever reads that file does it. So is one that takes a lane
 * from its owner, so that it cannot come in the middle of such a step of his.
 */
export class FolderState implements StateStore {
  readonly #folder: string;
  readonly #pipeline: VersionedFile<PipelineFile>;
  readonly #kept: VersionedFile<KeptState>;
  readonly #marks: ChunkMarks;
  readonly #parked: VersionedFile<ParkedFile>;
  readonly #bodies: ParkedBodies;
  readonly parked: ParkedEntries;

  constructor(folder: string) {
    this.#folder = folder;
    this.#pipeline = new VersionedFile(path.join(folder, 'pipeline'));
    this.#kept = new VersionedFile(path.join(folder, 'kept'));
    this.#marks = new ChunkMarks(path.join(folder, 'chunks'));
    this.#parked = new VersionedFile(path.join(folder, 'parked'));
    this.#bodies = new ParkedBodies(path.join(folder, 'parked-rows'));
    this.parked = parkedIndex(
      async () => (await this.#readParked()).entries.map(toHead),
      (heads) => this.#openParked(heads),
    );
  }

  async read<P extends StatePart>(...parts: P[]): Promise<Pick<StateParts, P>> {
    const asked = new Set<StatePart>(parts);
    const has = (...some: StatePart[]): boolean => some.some((each) => asked.has(each));
    const { value: file } = await this.#read();
    const lanes = has('lanes', 'sums') ? await this.#readLanes(file) : [];
    const kept = has('pipeline') ? ((await this.#kept.read()).value?.kept ?? null) : null;
    const planned = has('standings', 'planned') ? toPlanned(file, await this.#marks.read()) : [];
    const parked = has('sums') ? await this.#readParked() : NO_PARKED;
    const all: StateParts = {
      pipeline: file && toPipelineRecord(file, kept),
      lanes: lanes.map(toLaneRecord),
      standings: planned.map(toStanding),
      planned,
      sums: {
        applied: sumOf(lanes.map(({ counts }) => counts)),
        filtered: sumOf(lanes.map(({ filtered = {} }) => filtered)),
        parked: sumParked(parked),
        discarded: parked.discarded,
      },
    };
    return all;
  }

  async readChunk(id: number): Promise<ChunkRecord | null> {
    const { value: file } = await this.#read();
    const stored = file?.plan?.namespaces.flatMap(({ chunks }) => chunks);
    const chunk = stored?.find((each) => each.id === id);
    if (chunk === undefined) return null;
    const rows = await this.#marks.rowsOf(id);
    const { namespace } = chunk;
    const careful = file?.careful?.includes(id) === true;
    return {
      id,
      namespace,
      chunk,
      done: rows !== null,
      careful,
      rows,
      batchKey: null,
      filtered: 0,
    };
  }

  async commit(step: StateStep): Promise<boolean> {
    const parts: Parts = { lanes: new Map(), pipeline: [], parked: [], mark: null, chunks: [] };
    for (const change of step) {
      const lane = laneOf(change);
      if (lane !== null) parts.lanes.set(lane, [...(parts.lanes.get(lane) ?? []), change]);
      else if (change.kind === 'mark') parts.mark = change;
      else if (isOfParked(change)) {
        const stored = await this.#toStored(change);
        if (stored === null) return false;
        parts.parked.push(stored);
      } else if (change.kind === 'update' && change.table === 'chunk' && change.set.done === true)
        parts.chunks.push({
          id: change.key.id!,
          rows: change.set.rows!,
          batchKey: change.set.batchKey!,
        });
      else if (change.kind === 'update' && change.table === 'pipeline' && 'kept' in change.set)
        await this.#keep({ kept: change.set.kept });
      else parts.pipeline.push(change);
    }
    const { lanes, pipeline, parked, mark, chunks } = parts;
    // Who takes a lane must not come between what a step over several files finds there and what it leaves.
    const isOfSeveral = pipeline.length > 0 || lanes.size > 1 || step.some(isTaken);
    if (isOfSeveral || parked.length > 0 || mark !== null) return this.#commitPipeline(parts);
    for (const { id, rows, batchKey } of chunks) await this.#marks.add(id, rows, batchKey);
    for (const [lane, changes] of lanes) {
      const done = await this.#lane(lane).updateIf((file) => changeLane(file, changes));
      if (!done) return false;
    }
    return true;
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  clock(): Promise<number> {
    return Promise.resolve(Math.floor(Date.now() / 1000));
  }

  async reset(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Of the plan, with all chunks of it: those too that are in. */
  async readStored(): Promise<readonly StoredNamespace[]> {
    return (await this.#read()).value?.plan?.namespaces ?? [];
  }

  /** Rows of the chunks that are in, by their ids. */
  readChunks(): Promise<ReadonlyMap<number, number>> {
    return this.#marks.read();
  }

  async #commitPipeline({ pipeline, lanes, parked, mark, chunks }: Parts): Promise<boolean> {
    const marks = await this.#marks.read();
    for (;;) {
      // What somebody else has left is done first.
      const found = await this.#read();
      const changedParked = changeParkedFile((await this.#parked.read()).value, parked);
      if (changedParked === null) return false;
      for (const [lane, each] of lanes)
        if (changeLane((await this.#lane(lane).read()).value, each) === null) return false;
      const changed = changePipeline(found.value, pipeline, marks);
      if (changed === null) return false;
      const all = new Map(lanes);
      const add = (lane: number, change: StateChange): unknown =>
        all.set(lane, [...(all.get(lane) ?? []), change]);
      const { file, applied } = changedParked;
      const counts = new Map(Object.entries(applied));
      if (counts.size > 0) add(0, { kind: 'add', table: 'count', lane: 0, counts });
      if (mark !== null) {
        const set = { parked: mark.parked === 'yes' || file.entries.length > 0 };
        for (let lane = 0; lane < (changed.plan?.lanes ?? 0); lane++)
          add(lane, { kind: 'update', table: 'lane', key: { lane }, expect: {}, set });
      }
      const lanesLeft = [...all].map(([lane, each]) => [lane, each.map(inJson)] as const);
      const rest = { step: found.version + 1, lanes: lanesLeft, parked, chunks };
      const isAll = all.size === 0 && parked.length === 0 && chunks.length === 0;
      if (!(await this.#pipeline.replace(found, isAll ? changed : { ...changed, rest }))) continue;
      if (!isAll) await this.#read();
      await this.#bodies.remove(changedParked.gone);
      return true;
    }
  }

  /** With what was left of the last step done. */
  async #read(): Promise<Versioned<PipelineFile>> {
    for (;;) {
      const found = await this.#pipeline.read();
      if (found.value?.rest === undefined) return found;
      const { rest, ...done } = found.value;
      const { step, lanes, parked = [], chunks = [] } = rest;
      if (parked.length > 0) await this.#finishParked(parked, step);
      for (const { id, rows, batchKey } of chunks) await this.#marks.add(id, rows, batchKey);
      for (const [lane, changes] of lanes) await this.#finish(lane, changes, step);
      await this.#pipeline.replace(found, done);
    }
  }

  /** Once, whatever else has become of the lane since. */
  async #finish(lane: number, changes: readonly StateChange[], step: number): Promise<void> {
    const forced = changes.map((each) =>
      each.kind === 'update' ? { ...each, expect: {}, oneOf: [{}] } : each,
    );
    await this.#lane(lane).update((file) => {
      if (file !== null && (file.step ?? 0) >= step) return file;
      const changed = changeLane(file, forced as StateChange[]);
      return changed === null ? file! : { ...changed, step };
    });
  }

  async #finishParked(changes: readonly ParkedFileChange[], step: number): Promise<void> {
    await this.#parked.update((file) => {
      if (file !== null && file.step >= step) return file;
      const changed = changeParkedFile(file, changes);
      return { ...(changed?.file ?? file ?? NO_PARKED), step };
    });
  }

  /** As of the last step that was begun. */
  async #readParked(): Promise<ParkedFile> {
    await this.#read();
    return (await this.#parked.read()).value ?? NO_PARKED;
  }

  /** One that was taken out meanwhile is left out. */
  async #openParked(heads: readonly (ParkedHead & StoredBody)[]): Promise<ParkedRecord[]> {
    const records: ParkedRecord[] = [];
    for (const head of heads)
      try {
        records.push(await this.#bodies.read(head));
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) throw error;
      }
    return records;
  }

  /** With what it names written down. Null where an entry is not as it is expected. */
  async #toStored(change: OfParked): Promise<ParkedFileChange | null> {
    switch (change.kind) {
      case 'park':
        return { kind: 'park', heads: await this.#bodies.write(change.entries) };
      case 'explain':
        return { kind: 'explain', reasons: [...change.reasons] };
      case 'settle': {
        const { entries, as, least } = change;
        const limit = least === undefined ? {} : { least };
        if (entries.kind !== 'done') return { kind: 'settle', entries, as, ...limit };
        const overtaken = entries.overtaken.map(({ chain, upTo }) => ({
          chain: chain.toString('hex'),
          upTo,
        }));
        return { kind: 'settle', entries: { ...entries, overtaken }, as, ...limit };
      }
      case 'update': {
        const id = change.key.id!;
        const found = (await this.#readParked()).entries.find((each) => each.id === id);
        const [record] = found === undefined ? [] : await this.#openParked([toHead(found)]);
        if (record === undefined || !holds(record, change)) return null;
        const [head] = await this.#bodies.write([{ ...record, ...change.set }]);
        const set = { ...head!, parkedAt: found!.parkedAt };
        return { kind: 'change', id, was: found!.body, set };
      }
    }
  }

  async #keep(state: KeptState): Promise<void> {
    const text = JSON.stringify(state);
    await this.#kept.update((known) => (JSON.stringify(known) === text ? known! : state));
  }

  async #readLanes(file: PipelineFile | null): Promise<LaneFile[]> {
    const count = file?.plan?.lanes ?? 0;
    const lanes = Array.from({ length: count }, (_, lane) => this.#lane(lane).read());
    return (await Promise.all(lanes)).flatMap(({ value }) => (value === null ? [] : [value]));
  }

  #lane(lane: number): VersionedFile<LaneFile> {
    return new VersionedFile(path.join(this.#folder, `lane-${lane}`));
  }
}

/** A step by what it is about. */
interface Parts {
  lanes: Map<number, StateChange[]>;
  pipeline: StateChange[];
  parked: ParkedFileChange[];
  mark: Mark | null;
  chunks: ChunkMark[];
}

type OfParked = Park | Settle | Explain | Update<'parked'>;

function isOfParked(change: StateChange): change is OfParked {
  const { kind } = change;
  if (kind === 'update') return change.table === 'parked';
  return kind === 'park' || kind === 'settle' || kind === 'explain';
}

/** Counts as a list: JSON knows no Map, and who adds them up takes either. */
function inJson(change: StateChange): StateChange {
  if (change.kind !== 'add') return change;
  return { ...change, counts: [...change.counts] as never };
}

function isTaken(change: StateChange): boolean {
  return change.kind === 'update' && change.takes === true;
}

function laneOf(change: StateChange): number | null {
  if (change.kind === 'add') return change.lane;
  if (change.kind === 'insert') return change.table === 'lane' ? change.row.lane : null;
  if (change.kind === 'update') return change.table === 'lane' ? (change.key.lane ?? null) : null;
  if (change.kind === 'remove') return change.table === 'lane' ? (change.where.lane ?? null) : null;
  return null;
}

function sumParked({ entries }: ParkedFile): Record<string, ParkedCounts> {
  const sums: Record<string, ParkedCounts> = {};
  for (const { namespace, copied, inserts, updates, deletes } of entries) {
    const sum = (sums[namespace] ??= { ...NO_CHANGES, entries: 0, rows: 0 });
    sum.entries++;
    if (copied) sum.rows++;
    sum.inserts += inserts;
    sum.updates += updates;
    sum.deletes += deletes;
  }
  return sums;
}

function sumOf(lanes: readonly LaneFile['counts'][]): LaneFile['counts'] {
  return lanes.reduce((sums, counts) => addCounts(sums, Object.entries(counts)), {});
}
