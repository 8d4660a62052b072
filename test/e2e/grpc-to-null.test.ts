import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { expect, it, onTestFinished } from 'vitest';
import { FolderState } from '../../shared/ledger/folder-state.ts';
import { StoredPipeline } from '../../shared/state/stored-pipeline.ts';
import { AdiomStore } from '../support/adiom-store.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const weir = useWeir();
const ROWS = 3_000;

it('grpc: → null: comes to the last cursor through kills in the copy and while it follows, the peer breaking off and starting anew, and nothing is missing from the counts', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-grpc-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const options = { streams: 2, partitions: 6, pageSize: 50, cursorEvery: 2 };
  const store = await AdiomStore.start(options);
  onTestFinished(() => store.stop());
  for (const namespace of ['app.a', 'app.b'])
    store.load(
      namespace,
      Array.from({ length: ROWS / 2 }, (_, i) => ({ _id: i, i })),
    );
  const file = path.join(folder, 'pipeline.yaml');
  const name = `grpc-null-${process.pid}`;
  const pipeline = {
    name,
    source: { url: store.url },
    target: { url: `null:?delay=20&state=${folder}/state` },
    lanes: 2,
  };
  await writeFile(file, JSON.stringify(pipeline));
  const check = await weir.run(['check', file]);
  expect(check.stdout).toMatch(/partly +nothing twice: at least once|counted again/);

  const ledger = new StoredPipeline(new FolderState(path.join(folder, 'state', name)));
  const chunksDone = async (): Promise<number> =>
    (await ledger.readState())?.plan.namespaces.reduce((n, each) => n + each.chunksDone, 0) ?? 0;
  const counted = async (): Promise<number> =>
    Object.values((await ledger.readProgress())?.applied ?? {}).reduce(
      (sum, { inserts, updates, deletes }) => sum + inserts + updates + deletes,
      0,
    );

  store.fault({ method: 'ListData', after: 10, times: 3, code: status.UNAVAILABLE });
  store.fault({ method: 'ListData', after: 8, times: 1000, delayMs: 50 });
  const first = weir.start(['run', file]);
  await waitFor('some chunks are in', async () => (await chunksDone()) >= 1);
  let changes = 0;
  const change = (count: number): void => {
    for (let i = 0; i < count; i++, changes++)
      store.update(`app.${'ab'[changes % 2]!}`, { _id: changes % 500, at: changes });
  };
  change(200);
  first.kill('SIGKILL');
  await first.exited;
  expect(await chunksDone()).toBeLessThan(12);

  const second = weir.start(['run', file]);
  await waitFor('some changes are in', async () => (await counted()) >= 200);
  change(400);
  await waitFor('more changes are in', async () => (await counted()) >= 400);
  second.kill('SIGKILL');
  await second.exited;
  change(100);
  store.fault({ method: 'StreamUpdates', late: 4, code: status.UNAVAILABLE, times: 3 });

  const last = await weir.run(['run', file, '--until', 'caught-up']);
  expect(last.code, last.stderr).toBe(0);
  const state = await ledger.readState();
  expect(state?.plan.namespaces.map((each) => each.state)).toEqual(['ready', 'ready']);
  expect(state?.plan.namespaces.reduce((sum, each) => sum + each.rowsDone, 0)).toBe(ROWS);
  expect(await counted()).toBeGreaterThanOrEqual(changes);
  const { cursors } = state!.kept as { cursors: string[] };
  expect(cursors.map((cursor) => Buffer.from(cursor, 'base64').toString())).toEqual([
    `0:${changes / 2}`,
    `1:${changes / 2}`,
  ]);
});
