import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { KeptState } from '../connector/source.ts';
import { addCounts, type ChunkRecord } from '../state/records.ts';
import type { StatePart, StateParts, StateStore } from '../state/state-store.ts';
import type { StateChange, StateStep } from '../state/state-step.ts';
import { ChunkMarks } from './chunk-marks.ts';
import { changeLane, type LaneFile, toLaneRecord } from './lane-file.ts';
import {
  changePipeline,
  type PipelineFile,
  type StoredNamespace,
  toPipelineRecord,
  toPlanned,
  toStanding,
} from './pipeline-file.ts';
import { type Versioned, VersionedFile } from './versioned-file.ts';

/**
 * The state of a pipeline whose target cannot hold it, in a folder that all its writers share: a versioned file for the
 * pipeline with its plan, one for each lane with its counts, and a file for each chunk that is in.
 *
 * A step that concerns one of these files is done when the file's next version is there. One that concerns lanes as well
 * as the pipeline is written into the pipeline's file first, with what is left to do; whoever reads that file does it.
 */
export class FolderState implements StateStore {
  readonly #folder: string;
  readonly #pipeline: VersionedFile<PipelineFile>;
  readonly #kept: VersionedFile<KeptState>;
  readonly #marks: ChunkMarks;

  constructor(folder: string) {
    this.#folder = folder;
    this.#pipeline = new VersionedFile(path.join(folder, 'pipeline'));
    this.#kept = new VersionedFile(path.join(folder, 'kept'));
    this.#marks = new ChunkMarks(path.join(folder, 'chunks'));
  }

  async read<P extends StatePart>(...parts: P[]): Promise<Pick<StateParts, P>> {
    const asked = new Set<StatePart>(parts);
    const has = (...some: StatePart[]): boolean => some.some((each) => asked.has(each));
    const { value: file } = await this.#read();
    const lanes = has('lanes', 'sums') ? await this.#readLanes(file) : [];
    const kept = has('pipeline') ? ((await this.#kept.read()).value?.kept ?? null) : null;
    const planned = has('standings', 'planned') ? toPlanned(file, await this.#marks.read()) : [];
    const all: StateParts = {
      pipeline: file && toPipelineRecord(file, kept),
      lanes: lanes.map(toLaneRecord),
      standings: planned.map(toStanding),
      planned,
      sums: {
        applied: sumOf(lanes.map(({ counts }) => counts)),
        filtered: sumOf(lanes.map(({ filtered = {} }) => filtered)),
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
    return { id, namespace, chunk, done: rows !== null, rows, batchKey: null, filtered: 0 };
  }

  async commit(step: StateStep): Promise<boolean> {
    const lanes = new Map<number, StateChange[]>();
    const pipeline: StateChange[] = [];
    for (const change of step) {
      const lane = laneOf(change);
      if (lane !== null) lanes.set(lane, [...(lanes.get(lane) ?? []), change]);
      else if (change.kind === 'update' && change.table === 'chunk' && change.set.done === true)
        await this.#marks.add(change.key.id!, change.set.rows!, change.set.batchKey!);
      else if (change.kind === 'update' && change.table === 'pipeline' && 'kept' in change.set)
        await this.#keep({ kept: change.set.kept });
      else pipeline.push(change);
    }
    if (pipeline.length > 0) return this.#commitPipeline(pipeline, lanes);
    if (lanes.size > 1) return this.#commitPipeline([], lanes);
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

  async #commitPipeline(
    changes: readonly StateChange[],
    lanes: ReadonlyMap<number, StateChange[]>,
  ): Promise<boolean> {
    const marks = await this.#marks.read();
    for (;;) {
      // What somebody else has left is done first.
      const found = await this.#read();
      for (const [lane, each] of lanes)
        if (changeLane((await this.#lane(lane).read()).value, each) === null) return false;
      const changed = changePipeline(found.value, changes, marks);
      if (changed === null) return false;
      const rest = { step: found.version + 1, lanes: [...lanes] };
      if (!(await this.#pipeline.replace(found, lanes.size === 0 ? changed : { ...changed, rest })))
        continue;
      if (lanes.size > 0) await this.#read();
      return true;
    }
  }

  /** With what was left of the last step done. */
  async #read(): Promise<Versioned<PipelineFile>> {
    for (;;) {
      const found = await this.#pipeline.read();
      if (found.value?.rest === undefined) return found;
      const { rest, ...done } = found.value;
      for (const [lane, changes] of rest.lanes) await this.#finish(lane, changes, rest.step);
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

function laneOf(change: StateChange): number | null {
  if (change.kind === 'add') return change.lane;
  if (change.table !== 'lane') return null;
  switch (change.kind) {
    case 'insert':
      return change.row.lane;
    case 'update':
      return change.key.lane ?? null;
    case 'remove':
      return change.where.lane ?? null;
    case 'put':
      return null;
  }
}

function sumOf(lanes: readonly LaneFile['counts'][]): LaneFile['counts'] {
  return lanes.reduce((sums, counts) => addCounts(sums, Object.entries(counts)), {});
}
