import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { toPosition } from '../../shared/change/position.ts';
import { LAST_POSITION } from '../../shared/change/position.ts';
import { FolderState } from '../../shared/ledger/folder-state.ts';
import { markChunk } from '../../shared/state/chunk-steps.ts';
import { STATE_VERSION } from '../../shared/state/state-version.ts';
import { StoredPipeline } from '../../shared/state/stored-pipeline.ts';
import { dumpTable } from '../support/psql.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { SinkPipeline } from '../support/sink-pipeline.ts';

/** What each version has stored: see `version-1.sql` and `version-1.json`, which version 1 wrote. */
const stored = (name: string): Promise<string> =>
  readFile(new URL(`stored-state/${name}`, import.meta.url), 'utf8');

const none = { inserts: 0, updates: 0, deletes: 0, truncates: 0 };
const at = (n: number) => toPosition(BigInt(n), 0n);

async function* copyText(text: string): AsyncGenerator<Buffer> {
  const head = Buffer.from([0x64, 0, 0, 0, 0]);
  head.writeInt32BE(Buffer.byteLength(text) + 4, 1);
  yield await Promise.resolve(Buffer.concat([head, Buffer.from(text)]));
}

describe('a pipeline that an earlier version made at PostgreSQL', () => {
  const source = usePostgres();
  const target = useTargetPostgres();

  it('goes on in the middle of its copy: what is in stays, what is missing comes, and counts go on', async () => {
    const [from, to] = [await source.createDatabase(), await target.createDatabase()];
    await queryPostgres(
      from,
      'CREATE TABLE item (id bigint PRIMARY KEY, name text); CREATE TABLE note (id bigint PRIMARY KEY, item bigint REFERENCES item, said text)',
    );
    await queryPostgres(to, await stored('version-1.sql'));
    const pipeline = await SinkPipeline.create(from, to);
    onTestFinished(() => pipeline.close());
    const { sink } = pipeline;

    const state = (await sink.readState())!;
    expect(state).toMatchObject({
      order: 'key',
      desired: 'paused',
      kept: { cursor: 'c' },
      unfinished: ['public.item', 'public.note'],
      applied: { 'public.note': { ...none, inserts: 2, updates: 1 } },
      filtered: { 'public.note': { ...none, deletes: 2 } },
    });
    // Lane 0 has carried out the barrier that lane 2 had come to.
    expect(state.lanes.map(({ position }) => position)).toEqual([at(100), at(100), at(100)]);
    expect(state.plan.namespaces).toMatchObject([
      { state: 'copying', chunks: [{ id: 2 }], chunksDone: 1, rowsDone: 2, rowsFiltered: 1 },
      { state: 'ready', chunks: [], chunksDone: 0 },
    ]);
    // What their lanes follow from is what it was.
    const routes = state.plan.namespaces.map(({ relation: { order, route } }) => ({
      order,
      route,
    }));
    expect(routes).toEqual(Array(2).fill({ order: 'key', route: undefined }));
    const earlier = await sink.openLane(0);

    pipeline.readerEpoch = await sink.beginReader();
    expect(pipeline.readerEpoch).toBe(state.readerEpoch + 1);
    await sink.savePlan(state.plan, pipeline.readerEpoch);
    const chunk = state.plan.namespaces[0]!.chunks[0]!;
    const head = pipeline.headOf(chunk, 1);
    expect(await sink.writeData({ ...head, id: 1 }, copyText('1\tone\n2\ttwo\n'))).toBe('present');
    expect(await sink.writeData(head, copyText('3\tthree\n'))).toBe('loaded');
    await sink.finishNamespaces();
    expect((await sink.readLimits()).get('public.item')).toBe(LAST_POSITION);
    const fence = { before: earlier, after: { ...earlier, sequence: 2 }, changes: [] };
    await expect(sink.writeUpdates({ ...fence, counts: new Map() })).rejects.toMatchObject({
      code: 'FENCED',
    });
    await pipeline.write(
      0,
      { 'public.item': { deletes: [['1']] } },
      { 'public.item': { ...none, deletes: 1 } },
    );
    expect((await sink.readProgress())?.applied).toEqual({
      'public.note': { ...none, inserts: 2, updates: 1 },
      'public.item': { ...none, deletes: 1 },
    });
    expect(await dumpTable(to, 'item')).toHaveLength(2);
    expect(await queryPostgres(to, 'SELECT version FROM weir.pipeline')).toEqual([
      { version: STATE_VERSION },
    ]);
    await sink.reset();
    expect(await sink.readState()).toBeNull();
  });

  it('is read by a command as by a service, and stays as it is', async () => {
    const [from, to] = [await source.createDatabase(), await target.createDatabase()];
    await queryPostgres(from, 'CREATE TABLE item (id bigint PRIMARY KEY, name text)');
    await queryPostgres(to, await stored('version-1.sql'));
    const shape = `SELECT format('%s %s %s', c.relname, a.attname, a.atttypid::regtype) AS line FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'weir'::regnamespace AND a.attnum > 0 ORDER BY 1`;
    const before = await queryPostgres(to, shape);
    const command = await SinkPipeline.create(from, to, { keepsStoredForm: true });
    onTestFinished(() => command.close());
    const read = await command.sink.readState();
    await command.sink.check(command.plan.namespaces);
    expect(await queryPostgres(to, shape)).toEqual(before);
    const service = await SinkPipeline.create(from, to);
    onTestFinished(() => service.close());
    expect(await service.sink.readState()).toEqual(read);
    expect(await queryPostgres(to, shape)).not.toEqual(before);
  });

  it('is refused where a newer version has it', async () => {
    const [from, to] = [await source.createDatabase(), await target.createDatabase()];
    await queryPostgres(from, 'CREATE TABLE item (id bigint PRIMARY KEY, name text)');
    const pipeline = await SinkPipeline.create(from, to);
    onTestFinished(() => pipeline.close());
    const { sink } = pipeline;
    await pipeline.start();
    await queryPostgres(to, 'UPDATE weir.pipeline SET version = version + 1');
    for (const use of [
      () => sink.readState(),
      () => sink.readProgress(),
      () => sink.beginReader(),
      () => sink.openLane(0),
    ])
      await expect(use()).rejects.toMatchObject({ code: 'STATE_REFUSED' });
    await expect(sink.readState()).rejects.toThrow(/go on with the newer Weir/);
  });
});

it('a pipeline that an earlier version made in a folder goes on in the middle of its copy', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-stored-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const files = JSON.parse(await stored('version-1.json')) as Record<string, string>;
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  const store = new FolderState(folder);
  const pipeline = new StoredPipeline(store);
  const state = (await pipeline.readState())!;
  expect(state).toMatchObject({
    readerEpoch: 2,
    desired: 'paused',
    kept: { cursor: 'c' },
    applied: { 'a.b': { ...none, inserts: 3, deletes: 1 } },
  });
  expect(state.lanes.map(({ position }) => position)).toEqual([at(1), at(1)]);
  // One chunk is listed no more, one has come since the plan was stored.
  const chunks = [{ id: 3 }, { id: 4 }];
  expect(state.plan.namespaces).toMatchObject([{ chunks, chunksDone: 2, rowsDone: 15 }]);
  const epoch = await pipeline.beginReader();
  expect(epoch).toBe(3);
  await pipeline.savePlan({ plan: state.plan, ordering: 'key', linked: true }, epoch);
  const judge = (id: number) => pipeline.judgeChunk({ id, namespace: 'a.b', how: 'load' });
  expect([await judge(1), await judge(2), await judge(3)]).toEqual([
    'unwanted',
    'present',
    'wanted',
  ]);
  for (const [id, rows] of [
    [3, 7],
    [4, 1],
  ] as const)
    await store.commit(
      markChunk({ id, rows: () => rows, batchKey: () => 'key', filtered: () => 0 }),
    );
  expect((await pipeline.readState())?.plan.namespaces).toMatchObject([
    { state: 'ready', chunksDone: 4, rowsDone: 23 },
  ]);
  const owner = await pipeline.openLane(0);
  expect(owner).toMatchObject({ epoch: 2, position: at(1) });
  const after = { ...owner, readerEpoch: epoch, sequence: 1, position: at(2) };
  const counts = new Map([['a.b', { ...none, updates: 1 }]]);
  await pipeline.moveLane({ before: owner, after, changes: [], counts });
  expect((await pipeline.readProgress())?.applied['a.b']).toEqual({
    ...none,
    inserts: 3,
    updates: 1,
    deletes: 1,
  });
});
