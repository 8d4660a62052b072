import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { FolderState } from '../../shared/ledger/folder-state.ts';
import { StoredPipeline } from '../../shared/state/stored-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const weir = useWeir();

it('random: → null: counts every row and every change once, the target failing now and then, killed in the copy and again while it follows', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-null-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'pipeline.yaml');
  const name = `null-${process.pid}`;
  const url = 'random:?rows=20000&chunk=500&transaction=3&changes=12000&rate=6000&mix=3:6:3';
  const target = `null:?delay=5&fail=9&state=${folder}/state`;
  await writeFile(
    file,
    JSON.stringify({ name, source: { url }, target: { url: target }, lanes: 2 }),
  );
  const ledger = new StoredPipeline(new FolderState(path.join(folder, 'state', name)));
  const chunksDone = async (): Promise<number> =>
    (await ledger.readState())?.plan.namespaces[0]?.chunksDone ?? 0;
  const changes = async (): Promise<number> =>
    Object.values((await ledger.readProgress())?.applied ?? {}).reduce(
      (sum, { inserts, updates, deletes }) => sum + inserts + updates + deletes,
      0,
    );

  const first = weir.start(['run', file]);
  await waitFor('some chunks are in', async () => (await chunksDone()) >= 3);
  first.kill('SIGKILL');
  await first.exited;
  expect(await chunksDone()).toBeLessThan(40);

  const second = weir.start(['run', file]);
  await waitFor('some changes are in', async () => (await changes()) > 0);
  second.kill('SIGKILL');
  await second.exited;

  const last = await weir.run(['run', file, '--until', 'caught-up']);
  expect(last.code, last.stderr).toBe(0);
  const state = await ledger.readState();
  expect(state?.plan.namespaces[0]).toMatchObject({ state: 'ready', rowsDone: 20_000 });
  expect(state?.applied).toEqual({
    'random.table_1': { inserts: 3_000, updates: 6_000, deletes: 3_000, truncates: 0 },
  });
});

it('says before it runs that null: keeps no row', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-null-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'pipeline.yaml');
  const source = { url: 'random:?rows=5' };
  await writeFile(file, JSON.stringify({ name: 'none', source, target: { url: 'null:' } }));
  const env = { WEIR_STATE_DIR: path.join(folder, 'state') };
  const check = await weir.run(['check', file], { env });
  expect(check.stdout).toMatch(/no +nothing lost: the target discards every row/);
  expect(check.stdout).toMatch(/state: is kept in .*state, which all writers .* must share/);
  expect(check.code, check.stdout).toBe(0);

  await writeFile(file, JSON.stringify({ name: 'none', source: { url: 'null:' }, target: source }));
  const reversed = await weir.run(['check', file], { env });
  expect(reversed.stderr).toMatch(/source.url names a kind of store that cannot be read from/);
  expect(reversed.code).toBe(2);
});
