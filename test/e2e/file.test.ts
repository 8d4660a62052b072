import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FolderState } from '../../shared/ledger/folder-state.ts';
import { StoredPipeline } from '../../shared/state/stored-pipeline.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';
import { readWrittenFolder } from '../support/written-folder.ts';

const source = usePostgres();
const target = usePostgres();
const weir = useWeir();
let made = 0;

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-files-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function pipelineFile(folder: string, spec: object): Promise<{ file: string; name: string }> {
  const name = `files-${process.pid}-${++made}`;
  const file = path.join(folder, `${name}.yaml`);
  // JSON is YAML.
  await writeFile(file, JSON.stringify({ name, lanes: 3, ...spec }));
  return { file, name };
}

async function finish(file: string): Promise<void> {
  const { code, stderr } = await weir.run(['run', file, '--until', 'caught-up']);
  expect(code, stderr).toBe(0);
}

describe('postgres: → file:', () => {
  it('ends as the source, killed in the copy and again while it follows, and lists each file once', async () => {
    const folder = await newFolder();
    const out = path.join(folder, 'out');
    const sourceUrl = await source.createDatabase();
    await queryPostgres(
      sourceUrl,
      `CREATE TABLE orders (id int PRIMARY KEY, state text, large text, amount numeric);
       ALTER TABLE orders ALTER large SET STORAGE EXTERNAL;
       INSERT INTO orders SELECT i, 'new', repeat(md5(i::text), 100), i / 8.0 FROM generate_series(1, 6000) i;
       CREATE TABLE lines (a int, b text, v jsonb, PRIMARY KEY (b, a));
       INSERT INTO lines SELECT i, 'ü' || i % 3, jsonb_build_object('n', i) FROM generate_series(1, 2000) i;
       CREATE TABLE emptied (id int PRIMARY KEY); INSERT INTO emptied SELECT generate_series(1, 10)`,
    );
    const { file, name } = await pipelineFile(folder, {
      source: { url: sourceUrl },
      target: { url: `file:${out}` },
      map: { 'public.lines': 'other.lines' },
      writers: 2,
    });
    const store = new FolderState(path.join(out, '.weir', name));
    const ledger = new StoredPipeline(store);
    const chunks = async (): Promise<number> => (await store.readChunks()).size;
    const first = weir.start(['run', file]);
    await waitFor('a chunk is in', async () => (await chunks()) > 0);
    first.kill('SIGKILL');
    await first.exited;

    const second = weir.start(['run', file]);
    await second.waitForLine(/streaming/);
    await queryPostgres(
      sourceUrl,
      `UPDATE orders SET state = 'sent' WHERE id % 3 = 0; DELETE FROM orders WHERE id % 10 = 0;
       UPDATE orders SET id = id + 100000 WHERE id % 100 = 1; TRUNCATE emptied;
       INSERT INTO emptied VALUES (7); DELETE FROM lines WHERE a < 100`,
    );
    await waitFor('some changes are in', async () => {
      const applied = (await ledger.readProgress())?.applied['public.orders'];
      return (applied?.updates ?? 0) > 0;
    });
    second.kill('SIGKILL');
    await second.exited;
    await queryPostgres(sourceUrl, `UPDATE lines SET v = '{"n": [1, 2.50]}' WHERE a % 2 = 0`);
    await finish(file);

    const written = await readWrittenFolder(out);
    for (const [table, namespace] of [
      ['orders', 'public.orders'],
      ['lines', 'other.lines'],
      ['emptied', 'public.emptied'],
    ] as const) {
      const rows = await queryPostgres(sourceUrl, `SELECT to_jsonb(t) AS row FROM ${table} t`);
      const sorted = (all: unknown[]): string[] => all.map((row) => canonical(row)).sort();
      const found = sorted([...(written.get(namespace)?.values() ?? [])]);
      const expected = sorted(rows.map((each) => each['row']));
      expect(found.length, namespace).toBe(expected.length);
      expect(found.filter((row, i) => row !== expected[i]).slice(0, 3), namespace).toEqual([]);
    }
    const again = weir.run(['reset', file]);
    expect((await again).code).toBe(0);
    expect(await readdir(path.join(out, 'public.orders'))).toContain('_schema.json');
    const refused = await weir.run(['run', file]);
    expect(refused.stderr).toMatch(/holds rows already/);
  });
});

describe('file: → postgres:', () => {
  it('copies what others wrote, killed in the middle, and refuses what it cannot read by its place', async () => {
    const folder = await newFolder();
    const data = path.join(folder, 'data');
    await mkdir(path.join(data, 'shop.items'), { recursive: true });
    const lines = Array.from(
      { length: 30_000 },
      (_, i) => `${i},"name ""${i}""",,${'x'.repeat(900)}\n`,
    );
    await writeFile(path.join(data, 'shop.orders.csv'), `id,name,note,filler\n${lines.join('')}`);
    await writeFile(
      path.join(data, 'shop.items', '1.jsonl.gz'),
      gzipSync('{"id":12345678901234567890,"price":1.10,"tags":["a",null]}\n{"id":2}\n'),
    );
    await writeFile(path.join(data, 'shop.items', '2.ndjson'), '{"id":3,"ok":true}\n');
    const targetUrl = await target.createDatabase();
    const { file } = await pipelineFile(folder, {
      mode: 'snapshot',
      source: { url: `file:${data}?key=id` },
      target: { url: targetUrl },
    });
    const check = await weir.run(['check', file]);
    expect(check.code, check.stdout).toBe(0);
    const done = async (): Promise<number> => {
      const [there] = await queryPostgres(targetUrl, `SELECT to_regclass('weir.chunk') AS is`);
      if (there?.['is'] === null) return 0;
      const [row] = await queryPostgres(
        targetUrl,
        'SELECT count(*)::int AS n FROM weir.chunk WHERE done',
      );
      return Number(row?.['n']);
    };
    const first = weir.start(['run', file]);
    await waitFor('a chunk is in', async () => (await done()) > 0);
    first.kill('SIGKILL');
    await first.exited;
    await finish(file);
    const [orders] = await queryPostgres(
      targetUrl,
      `SELECT count(*)::int AS n, count(note)::int AS notes, sum(id::int)::bigint::text AS ids, max(name) AS name FROM shop.orders`,
    );
    expect(orders).toEqual({ n: 30_000, notes: 0, ids: '449985000', name: 'name "9999"' });
    const items = await queryPostgres(
      targetUrl,
      'SELECT id::text, price::text, tags::text, ok FROM shop.items ORDER BY items.id',
    );
    expect(items).toEqual([
      { id: '2', price: null, tags: null, ok: null },
      { id: '3', price: null, tags: null, ok: true },
      { id: '12345678901234567890', price: '1.10', tags: '["a", null]', ok: null },
    ]);

    await writeFile(path.join(data, 'shop.items', '3.jsonl'), '{"id":4}\n{"id":\n');
    const { file: wrong } = await pipelineFile(folder, {
      mode: 'snapshot',
      source: { url: `file:${data}`, namespaces: ['shop.items'] },
      target: { url: await target.createDatabase() },
    });
    const refused = await weir.run(['run', wrong]);
    expect(refused.stderr).toMatch(/shop\.items\/3\.jsonl has no JSON object in line 2/);
    expect(refused.code).toBe(1);
  });
});

/** Keys of objects in one order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}
