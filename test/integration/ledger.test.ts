import { mkdtemp, readdir, rm } from 'node:fs/promises';
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
import type {
  ChangeCounts,
  ChunkHead,
  LaneBatch,
  LaneProgress,
} from '../../shared/connector/sink.ts';
import type { Chunk } from '../../shared/connector/source.ts';
import { ChunkMarks } from '../../shared/ledger/chunk-marks.ts';
import { PipelineLedger } from '../../shared/ledger/pipeline-ledger.ts';
import { VersionedFile } from '../../shared/ledger/versioned-file.ts';

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

const mark = (id: number, rows: number) => ({ id, rows: () => rows, batchKey: () => 'key' });
const headOf = (id: number): ChunkHead => ({
  ...chunk(id),
  ...mark(id, 1),
  relation,
  filtered: () => 0,
});
const counts: ChangeCounts = { inserts: 1, updates: 0, deletes: 0, truncates: 0 };

function batchOf(before: LaneProgress, readerEpoch: number, position: Position): LaneBatch {
  const after = { ...before, readerEpoch, sequence: before.sequence + 1, position };
  return { before, after, changes: [], counts: new Map([['a.b', counts]]) };
}

async function started(chunks: Chunk[]): Promise<{ ledger: PipelineLedger; epoch: number }> {
  const ledger = new PipelineLedger(await newFolder());
  const epoch = await ledger.beginReader();
  await ledger.savePlan(planWith(chunks), epoch);
  return { ledger, epoch };
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
    const ledger = new PipelineLedger(folder);
    expect(await ledger.readState()).toBeNull();
    expect(await ledger.writeDesired('paused')).toBe(false);
    const epoch = await ledger.beginReader();
    expect(await ledger.readState()).toBeNull();
    await ledger.savePlan(planWith([chunk(1), chunk(2)]), epoch);
    await ledger.markChunk(mark(1, 10));
    expect(await ledger.writeDesired('paused')).toBe(true);
    const state = await new PipelineLedger(folder).readState();
    expect(state).toMatchObject({ readerEpoch: 1, desired: 'paused', unfinished: ['a.b'] });
    expect(state?.plan.namespaces[0]).toMatchObject({
      state: 'copying',
      chunks: [{ id: 2 }],
      chunksDone: 1,
      rowsDone: 10,
    });
    await ledger.markChunk(mark(2, 5));
    expect((await ledger.readState())?.plan.namespaces[0]).toMatchObject({
      state: 'ready',
      rowsDone: 15,
    });
    expect((await ledger.readLimits()).get('a.b')).toBe(LAST_POSITION);
    await ledger.reset();
    expect(await ledger.readState()).toBeNull();
  });

  it('keeps what is in when a copy goes on with other chunks, and wants those of the old plan no more', async () => {
    const { ledger } = await started([chunk(1), chunk(2)]);
    await ledger.markChunk(mark(1, 10));
    const epoch = await ledger.beginReader();
    await ledger.savePlan(planWith([chunk(3, 'merge')], { state: 'copying' }), epoch);
    expect(await ledger.wants(chunk(2))).toBe('unwanted');
    expect(await ledger.wants(chunk(3))).toBe('wanted');
    await ledger.markChunk(mark(3, 7));
    expect(await ledger.wants(chunk(3))).toBe('present');
    expect((await ledger.readState())?.plan.namespaces[0]).toMatchObject({
      state: 'ready',
      chunksDone: 2,
      rowsDone: 17,
    });
  });

  it('does not let a chunk count that was written while another reader began, and lists nothing of it', async () => {
    const { ledger } = await started([chunk(1), chunk(2)]);
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
    expect([...(await ledger.readChunks()).keys()]).toEqual([1]);
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
    await expect(ledger.savePlan(planWith([]), epoch)).rejects.toThrow(/another reader/);
  });

  it('takes a chunk to be merged when every lane is at its instant', async () => {
    const { ledger, epoch } = await started([chunk(1)]);
    const settled = toPosition(5n, 0n);
    await ledger.savePlan(planWith([chunk(2, 'merge')], { state: 'copying', settled }), epoch);
    const first = await ledger.openLane(0);
    await ledger.moveLane(batchOf(first, epoch, settled));
    expect(await ledger.wants(chunk(2, 'merge'))).toBe('early');
    await ledger.moveLane(batchOf(await ledger.openLane(1), epoch, settled));
    expect(await ledger.wants(chunk(2, 'merge'))).toBe('wanted');
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
    expect((await ledger.readProgress())?.lanes[0]).toMatchObject({ readerEpoch: 2, sequence: 1 });
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
});
