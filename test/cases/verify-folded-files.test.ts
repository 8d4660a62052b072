import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Long } from 'bson';
import { expect, it, onTestFinished } from 'vitest';
import { AdiomStore } from '../support/adiom-store.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { useWeir } from '../support/weir-process.ts';

const postgres = usePostgres();
const weir = useWeir();

async function pipelineOf(url: string, query = ''): Promise<{ file: string; data: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-folded-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'pipeline.yaml');
  const data = path.join(folder, 'data');
  const ends = { source: { url }, target: { url: `file:${data}${query}` } };
  await writeFile(file, JSON.stringify({ name: `folded-${process.pid}-${query.length}`, ...ends, lanes: 2 }));
  return { file, data };
} // prettier-ignore

async function caughtUp(file: string): Promise<void> {
  const { code, stderr } = await weir.run(['run', file, '--until', 'caught-up']);
  expect(code, stderr).toBe(0);
}

const verify = (file: string) => weir.run(['verify', file, '--settle', '0']);

async function expectEqual(file: string): Promise<void> {
  const { code, stdout, stderr } = await verify(file);
  expect(code, stdout + stderr).toBe(0);
}

/** Rewrites the files of changes in a folder. */
async function edit(folder: string, change: (text: string) => string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith('changes-')) continue;
    const file = path.join(folder, name);
    await writeFile(file, change(await readFile(file, 'utf8')));
  }
}

it('a folder of rows and of every kind of change behind them is compared by what they come to, and damage to a change is found', async () => {
  const url = await postgres.createDatabase();
  await queryPostgres(
    url,
    `CREATE TABLE t (a int, b text, big text, j jsonb, n numeric, PRIMARY KEY (a, b));
     ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
     INSERT INTO t SELECT i, 'k' || i % 3, repeat(md5(i::text), 200), '{"i": 1}', i / 8.0 FROM generate_series(1, 200) i;
     CREATE TABLE keyless (v int, w text); ALTER TABLE keyless REPLICA IDENTITY FULL;
     INSERT INTO keyless SELECT i % 5, NULL FROM generate_series(1, 50) i;
     CREATE TABLE emptied (id int PRIMARY KEY); INSERT INTO emptied SELECT generate_series(1, 50)`,
  );
  const { file, data } = await pipelineOf(url, '?format=csv');
  await caughtUp(file);
  await expectEqual(file);
  await queryPostgres(
    url,
    `UPDATE t SET n = -n, j = '{"i": 2}' WHERE a % 4 = 0;
     DELETE FROM t WHERE a BETWEEN 20 AND 30;
     INSERT INTO t SELECT i, 'new', 'short', NULL, NULL FROM generate_series(25, 28) i;
     UPDATE t SET a = a + 1000 WHERE a BETWEEN 40 AND 60;
     UPDATE t SET a = -a WHERE a > 1055; DELETE FROM t WHERE a = -1056; UPDATE t SET n = 7 WHERE a = -1057;
     INSERT INTO t VALUES (40, 'k1', 'again', NULL, 1); UPDATE t SET big = NULL WHERE a = 40;`,
  );
  await queryPostgres(url, `ALTER TABLE t ADD extra int; UPDATE t SET extra = a WHERE a < 10`);
  await queryPostgres(
    url,
    `UPDATE keyless SET w = 'x' WHERE ctid IN (SELECT ctid FROM keyless WHERE v = 1 LIMIT 3);
     DELETE FROM keyless WHERE ctid IN (SELECT ctid FROM keyless WHERE v = 2 LIMIT 4); INSERT INTO keyless VALUES (9, ''), (9, ''), (2, NULL);
     TRUNCATE emptied; INSERT INTO emptied SELECT generate_series(45, 60); DELETE FROM emptied WHERE id = 50`,
  );
  await caughtUp(file);
  await expectEqual(file);

  await edit(path.join(data, 'public.t'), (text) => text.replace(/^(.*"_op":"update".*"a":8,"b":"k2".*"n":)-1\.0+/m, '$1-1.5').replace(/^.*"_op":"delete","a":21,.*\n/m, ''));
  await edit(path.join(data, 'public.keyless'), (text) => text.replace(/^.*"_op":"upsert","v":9,.*\n/m, ''));
  await edit(path.join(data, 'public.emptied'), (text) => text.replace(/^(.*"_op":"upsert","id":)60/m, '$161'));
  const found = await verify(file);
  expect(found.code).toBe(1);
  for (const line of ['different: {8,k2}', 'extra at target: {21,k0}', 'missing at target: {60}', 'extra at target: {61}'])
    expect(found.stdout).toContain(line);
  expect(found.stdout).toMatch(/public\.t {2}.*DIFFERENT: 1 different, 1 extra at target\n/);
  expect(found.stdout).toMatch(/public\.keyless {2}.*DIFFERENT: 1 missing at target\n/);
}); // prettier-ignore

it('rows in a folder have what the source gave them in columns that came later', async () => {
  const url = await postgres.createDatabase();
  await queryPostgres(
    url,
    `CREATE TABLE t (id int PRIMARY KEY, big text); ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
     INSERT INTO t SELECT i, repeat(md5(i::text), 200) FROM generate_series(1, 20) i;
     CREATE TABLE keyless (v int); ALTER TABLE keyless REPLICA IDENTITY FULL; INSERT INTO keyless SELECT i % 3 FROM generate_series(1, 9) i;
     CREATE TABLE quiet (id int PRIMARY KEY); INSERT INTO quiet SELECT generate_series(1, 5)`,
  );
  const { file, data } = await pipelineOf(url, '?format=csv&gzip=false');
  await caughtUp(file);
  const added = `ADD n int NOT NULL DEFAULT 5, ADD t text DEFAULT 'it''s', ADD b boolean DEFAULT true, ADD a int[] DEFAULT '{1,2}',
    ADD at timestamptz DEFAULT now(), ADD plain text`;
  await queryPostgres(
    url,
    `INSERT INTO t VALUES (21, 'before'), (22, 'before'); UPDATE t SET id = id + 100 WHERE id < 4; DELETE FROM t WHERE id = 5;
     INSERT INTO keyless VALUES (7), (7); DELETE FROM keyless WHERE ctid IN (SELECT ctid FROM keyless WHERE v = 1 LIMIT 1);
     ALTER TABLE t ${added}; ALTER TABLE t ALTER n SET DEFAULT 6; ALTER TABLE keyless ${added}; ALTER TABLE quiet ${added}`,
  );
  await queryPostgres(
    url,
    `INSERT INTO t (id) VALUES (30); UPDATE t SET n = 7 WHERE id IN (6, 21, 101); UPDATE t SET id = 200 WHERE id = 102; UPDATE t SET t = NULL WHERE id = 7;
     DELETE FROM keyless WHERE ctid IN (SELECT ctid FROM keyless WHERE v = 7 LIMIT 1); INSERT INTO keyless VALUES (1)`,
  );
  await caughtUp(file);
  await expectEqual(file);
  const manifest = await readFile(path.join(data, '_manifest.jsonl'), 'utf8');
  expect(manifest).toContain('"filled":{"n":"5","t":"it\'s","b":"t","a":"{1,2}","at":"');

  await queryPostgres(url, `ALTER TABLE quiet ADD drawn float8 DEFAULT random()`);
  const { code, stderr } = await weir.run(['run', file, '--until', 'caught-up']);
  expect([code, stderr]).toEqual([1, expect.stringContaining('public.quiet got the column drawn at the source, whose values in older rows are not in its log')]);
}); // prettier-ignore

it('whole documents in a folder are compared with all that partial updates have made of them', async () => {
  const store = await AdiomStore.start();
  onTestFinished(() => store.stop());
  for (let i = 1; i <= 30; i++)
    store.load('app.docs', [{ _id: i, n: Long.fromNumber(i), a: { b: [i, null] } }]);
  const { file, data } = await pipelineOf(store.url);
  await caughtUp(file);
  for (let i = 1; i <= 20; i++) {
    if (i % 4 === 0) store.delete('app.docs', i);
    else if (i % 4 === 1) store.update('app.docs', { _id: i, n: Long.fromNumber(-i) });
    else store.patch('app.docs', i, { step: i, a: { c: `s${i}` } }, ['n']);
  }
  store.patch('app.docs', 2, { step: 'last' }, ['a']);
  await caughtUp(file);
  await expectEqual(file);
  await edit(path.join(data, 'app.docs'), (text) => text.replace('"c":"s3"', '"c":"s4"'));
  const found = await verify(file);
  expect([found.code, found.stdout]).toEqual([1, expect.stringContaining('different: {"$numberInt":"3"}')]);
}); // prettier-ignore
