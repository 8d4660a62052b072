import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { expect, it, onTestFinished } from 'vitest';
import { FolderState } from '../../shared/ledger/folder-state.ts';
import { StoredPipeline } from '../../shared/state/stored-pipeline.ts';
import { AdiomStore } from '../support/adiom-store.ts';
import type { StoreOptions } from '../support/adiom-store-options.ts';
import { documentsOf } from '../support/document-follower.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const weir = useWeir();
const postgres = usePostgres();

async function folderWith(pipeline: { name: string }): Promise<{ file: string; state: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-grpc-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'pipeline.yaml');
  await writeFile(file, JSON.stringify(pipeline));
  return { file, state: path.join(folder, 'state') };
}

async function startStore(options: Partial<StoreOptions> = {}): Promise<AdiomStore> {
  const store = await AdiomStore.start(options);
  onTestFinished(() => store.stop());
  return store;
}

it('grpc: → grpc: ends equal, partial updates among the changes, both ends failing now and then, killed in the copy and while it follows', async () => {
  const source = await startStore({ streams: 2, partitions: 4, pageSize: 40, cursorEvery: 2 });
  const target = await startStore();
  const namespaces = ['app.a', 'app.b'];
  for (const namespace of namespaces)
    source.load(
      namespace,
      Array.from({ length: 1_000 }, (_, i) => ({ _id: i, i, a: { deep: i } })),
    );
  const name = `grpc-grpc-${process.pid}`;
  const { file, state } = await folderWith({
    name,
    source: { url: source.url },
    target: { url: target.url },
    lanes: 2,
  } as { name: string });
  const options = { env: { WEIR_STATE_DIR: state } };
  const ledger = new StoredPipeline(new FolderState(path.join(state, name)));
  const counted = async (): Promise<number> =>
    Object.values((await ledger.readProgress())?.applied ?? {}).reduce(
      (sum, { inserts, updates, deletes }) => sum + inserts + updates + deletes,
      0,
    );
  let step = 0;
  const change = (count: number): void => {
    for (let i = 0; i < count; i++, step++) {
      const namespace = namespaces[step % 2]!;
      const id = (step * 7) % 1_100;
      if (step % 5 === 0) source.delete(namespace, id);
      else if (step % 5 < 3) source.update(namespace, { _id: id, step, kept: 'x' });
      else source.patch(namespace, id, { step, more: [step] }, ['kept', 'a']);
    }
  };
  for (const [method, code] of [
    ['ListData', status.UNAVAILABLE],
    ['StreamUpdates', status.UNAVAILABLE],
  ] as const)
    source.fault({
      method,
      after: 6,
      times: 3,
      code,
      ...(method === 'StreamUpdates' && { late: 5 }),
    });
  for (const method of ['WriteData', 'WriteUpdates'])
    target.fault({ method, after: 5, times: 2, code: status.ABORTED, late: 1 });
  target.fault({ method: 'WriteData', after: 3, times: 20, delayMs: 100 });

  const first = weir.start(['run', file], options);
  await waitFor('some rows are in', () => target.written.length > 0);
  change(300);
  first.kill('SIGKILL');
  await first.exited;
  const second = weir.start(['run', file], options);
  await waitFor('some changes are in', async () => (await counted()) >= 100);
  change(300);
  second.kill('SIGKILL');
  await second.exited;
  change(100);
  const last = await weir.run(['run', file, '--until', 'caught-up'], options);
  expect(last.code, last.stderr).toBe(0);
  for (const namespace of namespaces)
    expect(documentsOf(target.table(namespace))).toEqual(documentsOf(source.table(namespace)));
});

it('postgres: → grpc: has every row as a document after inserts, updates, deletes and new keys, killed in the middle', async () => {
  const url = await postgres.createDatabase();
  const target = await startStore();
  await queryPostgres(
    url,
    `CREATE TABLE item (id int, part text, big numeric(38,3), at timestamptz, tags text[], raw bytea, PRIMARY KEY (id, part));
     INSERT INTO item SELECT i, 'p' || i % 3, i * 1.125, '2026-01-31 23:59:59.123456+00', ARRAY['a', NULL, i::text], decode(lpad(to_hex(i), 8, '0'), 'hex') FROM generate_series(1, 2000) i`,
  );
  const name = `pg-grpc-${process.pid}`;
  const { file, state } = await folderWith({
    name,
    source: { url },
    target: { url: target.url },
    lanes: 2,
  } as { name: string });
  const options = { env: { WEIR_STATE_DIR: state } };
  const first = weir.start(['run', file], options);
  await waitFor('the copy is in', () => target.table('public.item').size === 2_000);
  await queryPostgres(
    url,
    `UPDATE item SET tags = '{new}' WHERE id % 3 = 0; DELETE FROM item WHERE id % 7 = 0;
     UPDATE item SET id = id + 5000 WHERE id % 11 = 0; INSERT INTO item (id, part) VALUES (9000, 'n')`,
  );
  await waitFor('changes come', () => target.written.some(({ kind }) => kind !== 'data'));
  first.kill('SIGKILL');
  await first.exited;
  await queryPostgres(url, `UPDATE item SET big = -1 WHERE id % 5 = 0`);
  const last = await weir.run(['run', file, '--until', 'caught-up'], options);
  expect(last.code, last.stderr).toBe(0);
  const rows = await queryPostgres(
    url,
    `SELECT id, part, big::text, at::text, tags, encode(raw, 'hex') AS raw FROM item ORDER BY id, part`,
  );
  const found = [...target.table('public.item').values()].map((document) => {
    const { _id, id, part, big, tags, raw } = document as Record<string, { toString(): string }>;
    const own = _id as unknown as { id: unknown; part: unknown };
    expect(String(own.id)).toBe(String(id));
    expect(own.part).toBe(part);
    return {
      id: Number(id),
      part,
      big: big === null ? null : String(big),
      tags,
      raw:
        raw === null ? null : (raw as unknown as { toString(f: string): string }).toString('hex'),
    };
  });
  const order = (a: { id: number }, b: { id: number }): number => a.id - b.id;
  expect(found.sort(order)).toEqual(
    rows.map(({ id, part, big, tags, raw }) => ({ id, part, big, tags, raw })),
  );
  expect(rows.length).toBeGreaterThan(1_700);
});
