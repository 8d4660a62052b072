import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  FIRST_POSITION,
  LAST_POSITION,
  type Position,
  toPosition,
} from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { PipelinePlan } from '../../shared/connector/plan.ts';
import type { ChunkHead, LaneBatch, LaneProgress } from '../../shared/connector/sink.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import type { Chunk } from '../../shared/connector/chunk.ts';
import { ChunkMarks } from '../../shared/ledger/chunk-marks.ts';
import { FolderState } from '../../shared/ledger/folder-state.ts';
import { VersionedFile } from '../../shared/ledger/versioned-file.ts';
import { markChunk } from '../../shared/state/chunk-steps.ts';
import { toTuple } from '../../shared/change/tuple.ts';
import { moveLane } from '../../shared/state/lane-steps.ts';
import { failedAside } from '../../shared/state/quarantine/aside.ts';
import { putAside } from '../../shared/state/quarantine/quarantine-steps.ts';
import { STATE_VERSION } from '../../shared/state/state-version.ts';
import { StoredPipeline } from '../../shared/state/stored-pipeline.ts';

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-ledger-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const relation: Relation = {
  namespace: 'a.b',
  columns: [{ name: 'id', type: 'bigint', encoding: 'text' }],
  key: [0],
  identity: 'key',
  order: 'key',
};

const chunk = (id: number, how: Chunk['how'] = 'load'): Chunk => ({
  id,
  namespace: 'a.b',
  cursor: null,
  how,
  dataType: 'x',
  estimatedBytes: 1,
});

function planWith(
  chunks: Chunk[],
  more: Partial<PipelinePlan['namespaces'][0]> = {},
): PipelinePlan {
  const namespace = {
    relation,
    definition: null,
    start: FIRST_POSITION,
    settled: FIRST_POSITION,
    state: 'new' as const,
    chunks,
    chunksDone: 0,
    rowsDone: 0,
    ...more,
  };
  return {
    identity: 'x',
    start: FIRST_POSITION,
    snapshot: null,
    lanes: 2,
    namespaces: [namespace],
  };
}

const marked = (id: number, rows: number) =>
  markChunk({ id, rows: () => rows, batchKey: () => 'key', filtered: () => 0 });
const given = (plan: PipelinePlan) => ({ plan, ordering: 'key' as const, linked: true });
const headOf = (id: number): ChunkHead => ({
  ...chunk(id),
  rows: () => 1,
  batchKey: () => 'key',
  relation,
  filtered: () => 0,
});
const counts: ChangeCounts = { inserts: 1, updates: 0, deletes: 0, truncates: 0 };

function batchOf(before: LaneProgress, readerEpoch: number, position: Position): LaneBatch {
  const after = { ...before, readerEpoch, sequence: before.sequence + 1, position };
  return { before, after, changes: [], counts: new Map([['a.b', counts]]) };
}

async function started(
  chunks: Chunk[],
): Promise<{ store: FolderState; ledger: StoredPipeline; epoch: number }> {
  const store = new FolderState(await newFolder());
  const ledger = new StoredPipeline(store);
  const epoch = await ledger.beginReader();
  await ledger.savePlan(given(planWith(chunks)), epoch);
  return { store, ledger, epoch };
}

/** An owner puts a row aside while another one takes its lane. */
async function raceForLane(): Promise<void> {
  const folder = await newFolder();

  const state = new FolderState(folder);
  const pipeline = new StoredPipeline(state);
  const epoch = await pipeline.beginReader();
  await pipeline.savePlan(given(planWith([])), epoch);
  const batch = batchOf(await pipeline.openLane(0), epoch, toPosition(1n, 0n));
  const row = toTuple(['7']);
  const failed = { reason: 'x', source: relation, tuple: row, key: row.subarray(2) };
  const aside = failedAside(relation, [failed], batch.before.position);
  const step = [...moveLane(batch, undefined, false), ...putAside(aside, false)];
  const other = new StoredPipeline(new FolderState(folder));
  const [moved, taken] = await Promise.all([state.commit(step), other.openLane(0)]);
  const { lanes, sums } = await state.read('lanes', 'sums');
  expect(lanes[0]!.epoch).toBe(batch.before.epoch + 1);
  // Whoever came first, the new owner begins where the lane stands.
  expect(taken).toMatchObject({ position: lanes[0]!.position, sequence: lanes[0]!.sequence });
  expect(lanes[0]!.position).toBe(moved ? batch.after.position : batch.before.position);
  expect(sums.parked['a.b']?.entries ?? 0).toBe(moved ? 1 : 0);
}

describe('a versioned file', () => {
  it('loses no change of many who change it at once, and keeps few versions', async () => {
    const folder = await newFolder();
    const change = async (): Promise<void> => {
      const file = new VersionedFile<number>(folder);
      for (let i = 0; i < 15; i++) await file.update((value) => (value ?? 0) + 1);
    };
    await Promise.all(Array.from({ length: 5 }, change));
    expect((await new VersionedFile<number>(folder).read()).value).toBe(75);
    expect((await readdir(folder)).length).toBeLessThanOrEqual(24);
  });

  it('stays as it was where the change is given up', async () => {
    const file = new VersionedFile<number>(await newFolder());
    await file.update(() => 1);
    const refuse = (): number => {
      throw new Error('no');
    };
    await expect(file.update(refuse)).rejects.toThrow('no');
    expect(await file.read()).toEqual({ version: 1, value: 1 });
  });
});

describe('the ledger of a pipeline', () => {
  it('has nothing before a plan, and what was done after it, whoever reads it', async () => {
    const folder = await newFolder();
    const store = new FolderState(folder);
    const ledger = new StoredPipeline(store);
    expect(await ledger.readState()).toBeNull();
    expect(await ledger.writeDesired('paused')).toBe(false);
    const epoch = await ledger.beginReader();
    expect(await ledger.readState()).toBeNull();
    await ledger.savePlan(given(planWith([chunk(1), chunk(2)])), epoch);
    await store.commit(marked(1, 10));
    expect(await ledger.writeDesired('paused')).toBe(true);
    const state = await new StoredPipeline(new FolderState(folder)).readState();
    expect(state).toMatchObject({ readerEpoch: epoch, desired: 'paused', unfinished: ['a.b'] });
    expect(state?.plan.namespaces[0]).toMatchObject({
      state: 'copying',
      chunks: [{ id: 2 }],
      chunksDone: 1,
      rowsDone: 10,
    });
    await store.commit(marked(2, 5));
    expect((await ledger.readState())?.plan.namespaces[0]).toMatchObject({
      state: 'ready',
      rowsDone: 15,
    });
    expect((await ledger.readLimits()).get('a.b')).toBe(LAST_POSITION);
    await ledger.reset();
    expect(await ledger.readState()).toBeNull();
  });

  it('keeps what is in when a copy goes on with other chunks, and wants those of the old plan no more', async () => {
    const { store, ledger } = await started([chunk(1), chunk(2)]);
    await store.commit(marked(1, 10));
    const epoch = await ledger.beginReader();
    await ledger.savePlan(given(planWith([chunk(3, 'merge')], { state: 'copying' })), epoch);
    expect(await ledger.judgeChunk(chunk(2))).toBe('unwanted');
    expect(await ledger.judgeChunk(chunk(3))).toBe('wanted');
    await store.commit(marked(3, 7));
    expect(await ledger.judgeChunk(chunk(3))).toBe('present');
    expect((await ledger.readState())?.plan.namespaces[0]).toMatchObject({
      state: 'ready',
      chunksDone: 2,
      rowsDone: 17,
    });
  });

  it('does not let a chunk count that was written while another reader began, and lists nothing of it', async () => {
    const { store, ledger } = await started([chunk(1), chunk(2)]);
    const seen: string[] = [];
    const take = (id: number, meanwhile: () => Promise<unknown>) =>
      ledger.takeChunk(
        headOf(id),
        async () => void (await meanwhile()),
        () => Promise.resolve(void seen.push(`listed ${id}`)),
      );
    expect(await take(1, () => Promise.resolve())).toBe('loaded');
    expect(await take(2, () => ledger.beginReader())).toBe('unwanted');
    expect(seen).toEqual(['listed 1']);
    expect([...(await store.readChunks()).keys()]).toEqual([1]);
  });

  it('finds each of many chunks by its id, and all of them, also those that others have marked', async () => {
    const folder = await newFolder();
    const ledger = new ChunkMarks(folder);
    const other = new ChunkMarks(folder);
    for (let id = 0; id < 600; id += 3) await ledger.add(id, id, 'key');
    expect((await other.read()).size).toBe(200);
    for (let id = 1; id < 600; id += 3) await other.add(id, id, 'key');
    for (let id = 2; id < 300; id += 3) await other.add(id, id, 'key');
    // The first folder of ids is full by now: it is known to both, and no longer read.
    for (const each of [ledger, other, ledger, other]) {
      const marks = await each.read();
      expect([...marks].every(([id, rows]) => id === rows)).toBe(true);
      expect(marks.size).toBe(500);
    }
    expect(await Promise.all([0, 255, 256, 299, 302, 597, 600].map((id) => other.has(id)))).toEqual(
      [true, true, true, true, false, true, false],
    );
    // As after a reset by another process: what was known of the folder is not believed of the next one.
    await rm(folder, { recursive: true });
    expect(await other.read()).toEqual(new Map());
    for (let id = 0; id < 256; id++) await ledger.add(id, 7, 'key');
    expect([...(await other.read()).values()]).toEqual(Array.from({ length: 256 }, () => 7));
  });

  it('refuses the plan of a reader after which another has begun', async () => {
    const { ledger, epoch } = await started([]);
    await ledger.beginReader();
    await expect(ledger.savePlan(given(planWith([])), epoch)).rejects.toThrow(/another reader/);
  });

  it('takes a chunk to be merged when every lane is at its instant', async () => {
    const { ledger, epoch } = await started([chunk(1)]);
    const settled = toPosition(5n, 0n);
    await ledger.savePlan(
      given(planWith([chunk(2, 'merge')], { state: 'copying', settled })),
      epoch,
    );
    const first = await ledger.openLane(0);
    await ledger.moveLane(batchOf(first, epoch, settled));
    expect(await ledger.judgeChunk(chunk(2, 'merge'))).toBe('early');
    await ledger.moveLane(batchOf(await ledger.openLane(1), epoch, settled));
    expect(await ledger.judgeChunk(chunk(2, 'merge'))).toBe('wanted');
  });

  it('counts a batch once though it comes twice, and none of an owner whose epoch has passed', async () => {
    const { ledger, epoch } = await started([]);
    const owner = await ledger.openLane(0);
    const batch = batchOf(owner, epoch, toPosition(1n, 0n));
    await ledger.moveLane(batch);
    await expect(ledger.moveLane(batch)).rejects.toMatchObject({ code: 'FENCED' });
    await ledger.openLane(0);
    const late = batchOf(batch.after, epoch, toPosition(2n, 0n));
    await expect(ledger.moveLane(late)).rejects.toMatchObject({ code: 'FENCED' });
    expect((await ledger.readProgress())?.applied).toEqual({ 'a.b': counts });
  });

  it('takes no frame of an earlier reader once another has begun, and that of the new one in the same lane', async () => {
    const { ledger, epoch } = await started([]);
    const owner = await ledger.openLane(0);
    const one = batchOf(owner, epoch, toPosition(1n, 0n));
    await ledger.moveLane(one);
    const next = await ledger.beginReader();
    const stale = batchOf(one.after, epoch, toPosition(2n, 0n));
    await expect(ledger.moveLane(stale)).rejects.toMatchObject({ code: 'FENCED' });
    const fresh = batchOf({ ...one.after, sequence: 0 }, next, toPosition(2n, 0n));
    await ledger.moveLane({ ...fresh, before: one.after });
    expect((await ledger.readProgress())?.lanes[0]).toMatchObject({
      readerEpoch: next,
      sequence: 1,
    });
  });

  it('lets a barrier pass when all lanes have come to it, wherever their owners are', async () => {
    const { ledger, epoch } = await started([]);
    const at = toPosition(9n, 1n);
    const executor = await ledger.openLane(0);
    expect(await ledger.arriveAtBarrier(executor, at)).toBe(false);
    const other = await ledger.openLane(1);
    expect(await ledger.arriveAtBarrier(other, at)).toBe(true);
    expect(await ledger.barrierDone(at)).toBe(false);
    await ledger.moveLane(batchOf(executor, epoch, at));
    expect(await ledger.barrierDone(at)).toBe(true);
    expect((await ledger.readProgress())!.lanes[1]!.position).toBe(at);
  });

  it('carries a plan through that its writer left between its file and those of the lanes, and does so once', async () => {
    const folder = await newFolder();
    const [pipelineFiles, laneFiles] = [path.join(folder, 'pipeline'), path.join(folder, 'lane-0')];
    const first = new StoredPipeline(new FolderState(folder));
    const epoch = await first.beginReader();
    await first.savePlan(given(planWith([])), epoch);
    const batch = batchOf(await first.openLane(0), epoch, toPosition(1n, 0n));
    await first.moveLane(batch);
    await cp(laneFiles, `${laneFiles}-before`, { recursive: true });
    const start = toPosition(9n, 0n);
    const restarted = planWith([], { state: 'restart', start, settled: start });
    await first.savePlan(given({ ...restarted, start }), await first.beginReader());

    // As it was when the plan was in its file, and no lane had been touched yet.
    const leave = async (): Promise<void> => {
      for (const name of (await readdir(pipelineFiles)).sort((a, b) => Number(b) - Number(a))) {
        const text = await readFile(path.join(pipelineFiles, name), 'utf8');
        if ('rest' in (JSON.parse(text) as object)) return;
        await rm(path.join(pipelineFiles, name));
      }
    };
    await leave();
    await rm(laneFiles, { recursive: true });
    await cp(`${laneFiles}-before`, laneFiles, { recursive: true });
    const second = new StoredPipeline(new FolderState(folder));
    const lane = (await second.readProgress())!.lanes[0]!;
    expect(lane).toMatchObject({ position: start, epoch: batch.before.epoch + 1 });
    await expect(second.moveLane({ ...batch, before: batch.after })).rejects.toMatchObject({
      code: 'FENCED',
    });
    expect((await second.readProgress())?.applied).toEqual({ 'a.b': counts });

    // And by somebody who comes late to it, when the lane has gone on.
    const moved = batchOf(await second.openLane(0), epoch + 1, toPosition(10n, 0n));
    await second.moveLane(moved);
    const versions = (await readdir(pipelineFiles)).length;
    await cp(pipelineFiles, `${pipelineFiles}-after`, { recursive: true });
    await leave();
    expect((await readdir(pipelineFiles)).length).toBeLessThan(versions);
    const third = new StoredPipeline(new FolderState(folder));
    expect((await third.readProgress())!.lanes[0]).toMatchObject({ position: toPosition(10n, 0n) });
  });

  it('puts rows aside with the lane, the chunk and the counts that go with them, once, where their writer died in between', async () => {
    const folder = await newFolder();
    const names = ['lane-0', 'lane-1', 'parked', 'chunks'].map((name) => path.join(folder, name));
    const state = new FolderState(folder);
    const first = new StoredPipeline(state);
    const epoch = await first.beginReader();
    await first.savePlan(given(planWith([chunk(1)])), epoch);
    const batch = batchOf(await first.openLane(0), epoch, toPosition(1n, 0n));
    for (const name of names)
      await cp(name, `${name}-before`, { recursive: true }).catch(() => null);
    const row = toTuple(['7']);
    const failed = { reason: 'x', source: relation, tuple: row, key: row.subarray(2) };
    const aside = failedAside(relation, [failed], batch.before.position);
    const step = [...moveLane(batch, undefined, false), ...marked(1, 1), ...putAside(aside, false)];
    expect(await state.commit(step)).toBe(true);
    expect(await state.commit(step)).toBe(false);

    // As it was when the step was in the pipeline's file, and nothing else had been touched yet.
    const pipelineFiles = path.join(folder, 'pipeline');
    const leave = async (): Promise<void> => {
      for (const name of (await readdir(pipelineFiles)).sort((x, y) => Number(y) - Number(x))) {
        const text = await readFile(path.join(pipelineFiles, name), 'utf8');
        if ('rest' in (JSON.parse(text) as object)) return;
        await rm(path.join(pipelineFiles, name));
      }
    };
    await leave();
    for (const name of names) {
      await rm(name, { recursive: true, force: true });
      await cp(`${name}-before`, name, { recursive: true }).catch(() => null);
    }
    for (const reads of [new FolderState(folder), new FolderState(folder)]) {
      const { lanes, sums } = await reads.read('lanes', 'sums');
      expect(lanes.map(({ parked }) => parked)).toEqual(lanes.map(() => true));
      expect(lanes[0]).toMatchObject({ position: batch.after.position });
      expect(sums.applied).toEqual({ 'a.b': counts });
      expect(sums.parked).toMatchObject({ 'a.b': { entries: 1, rows: 1 } });
      expect(await reads.readChunk(1)).toMatchObject({ done: true });
      // And by somebody who comes late to it.
      await leave();
    }
    const all = { selection: { kind: 'all' as const }, wholeChains: false, after: 0, until: null };
    const entries = await state.parked.read({ ...all, limit: 9, maxBytes: 1 << 20 });
    expect(entries).toMatchObject([{ id: 1, tuple: row, source: relation }]);
  });

  it('does not let the batch of an owner move a lane that another has taken, though it puts rows aside', async () => {
    for (let round = 0; round < 20; round++) await raceForLane();
  });

  it('is refused where a newer Weir has written it, and brought on where an older one has', async () => {
    const folder = await newFolder();
    const pipeline = new VersionedFile<object>(path.join(folder, 'pipeline'));
    const ledger = new StoredPipeline(new FolderState(folder));
    await ledger.savePlan(given(planWith([chunk(1)])), await ledger.beginReader());
    await pipeline.update((file) => ({ ...file, version: STATE_VERSION + 1 }));
    for (const use of [
      () => ledger.readState(),
      () => ledger.readProgress(),
      () => ledger.beginReader(),
      () => ledger.openLane(0),
    ])
      await expect(use()).rejects.toMatchObject({ code: 'STATE_REFUSED' });
    await pipeline.update((file) => ({ ...file, version: 1 }));
    const { readerEpoch } = (await ledger.readProgress())!;
    expect(await ledger.beginReader()).toBe(readerEpoch + 1);
    expect((await pipeline.read()).value).toMatchObject({ version: STATE_VERSION });
  });
});
