import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BSON, Decimal128, Long } from 'bson';
import { expect, it, onTestFinished } from 'vitest';
import type { ParkedEntry } from '../../shared/connector/parking.ts';
import { AdiomStore, type Document } from '../support/adiom-store.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const weir = useWeir();
const postgres = usePostgres();

it('grpc: → postgres: ends equal, in a table of whole documents and in columns by name, partial updates and repeated documents among them, killed in the copy and while it follows', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-grpc-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const store = await AdiomStore.start({ streams: 2, partitions: 3, pageSize: 50, cursorEvery: 2 });
  onTestFinished(() => store.stop());
  const url = await postgres.createDatabase();
  await queryPostgres(
    url,
    'CREATE SCHEMA app; CREATE TABLE app.columns (id bigint PRIMARY KEY, total numeric(20,4), note text, tags text[], at timestamptz)',
  );
  const whole = (i: number, more: Document = {}): Document => {
    const _id = i % 2 === 0 ? i : `text ${i}`;
    return {
      _id,
      n: Long.fromNumber(i),
      d: Decimal128.fromString('1.10'),
      a: { deep: [i, null] },
      ...more,
    };
  };
  const row = (i: number, more: Document = {}): Document => {
    const total = Decimal128.fromString(`${i}.5000`);
    const at = new Date(1_700_000_000_000 + i);
    return { _id: Long.fromNumber(i), total, note: `row ${i}`, tags: ['a', null], at, ...more };
  };
  for (let i = 1; i <= 600; i++) {
    store.load('app.whole', [whole(i)]);
    store.load('app.columns', [row(i)]);
  }
  const file = path.join(folder, 'pipeline.yaml');
  const pipeline = {
    name: `grpc-pg-${process.pid}`,
    source: { url: store.url },
    target: { url },
    lanes: 2,
  };
  await writeFile(file, JSON.stringify(pipeline));
  const count = async (table: string): Promise<number> =>
    Number((await queryPostgres(url, `SELECT count(*) AS n FROM ${table}`))[0]?.['n']);

  store.repeatEvery(100);
  store.fault({ method: 'ListData', after: 12, times: 100, delayMs: 60 });
  const first = weir.start(['run', file]);
  await waitFor('some rows are in', async () => (await count('app.columns')) > 0);
  let step = 0;
  const change = (times: number): void => {
    for (let i = 0; i < times; i++, step++) {
      const key = 1 + ((step * 7) % 650);
      const id = key % 2 === 0 ? key : `text ${key}`;
      if (step % 6 === 0) {
        store.delete('app.whole', id);
        store.delete('app.columns', Long.fromNumber(key));
      } else if (step % 6 < 3) {
        store.update('app.whole', whole(key, { step }));
        store.update('app.columns', row(key, { note: null }));
      } else {
        store.patch('app.whole', id, { step, more: { x: step } }, ['a']);
        store.patch('app.columns', Long.fromNumber(key), { tags: [`s${step}`] }, ['note']);
      }
    }
  };
  change(100);
  first.kill('SIGKILL');
  await first.exited;
  const second = weir.start(['run', file]);
  const applied = async (): Promise<number> =>
    Number(
      (await queryPostgres(url, 'SELECT coalesce(sum(updates), 0) AS n FROM weir.count'))[0]?.['n'],
    );
  await waitFor('some changes are in', async () => (await applied()) >= 30, { timeoutMs: 60_000 });
  change(200);
  second.kill('SIGKILL');
  await second.exited;
  change(50);
  const last = await weir.run(['run', file, '--until', 'caught-up']);
  expect(last.code, last.stderr).toBe(0);

  const documents = await queryPostgres(
    url,
    'SELECT _id::text AS id, document::text AS document FROM app.whole',
  );
  const exact = (value: unknown): unknown =>
    JSON.parse(BSON.EJSON.stringify(value, { relaxed: false }));
  const byId = (all: unknown[]): Map<string, unknown> =>
    new Map(all.map((each) => [JSON.stringify((each as Document)['_id']), each]));
  expect(byId(documents.map(({ document }) => JSON.parse(String(document)) as unknown))).toEqual(
    byId([...store.table('app.whole').values()].map(exact)),
  );
  for (const { id, document } of documents)
    expect(JSON.parse(String(id))).toEqual((JSON.parse(String(document)) as Document)['_id']);
  const rows = await queryPostgres(
    url,
    `SELECT id::text, total::text, note, tags, floor(extract(epoch FROM at) * 1000)::text AS at FROM app.columns`,
  );
  expect(byKey(rows)).toEqual(
    byKey(
      [...store.table('app.columns').values()].map(({ _id, total, note, tags, at }) => ({
        id: String(_id),
        total: String(total),
        note: note ?? null,
        tags,
        at: String((at as Date).getTime()),
      })),
    ),
  );
  expect(rows.length).toBeGreaterThan(400);
});

it('what a table cannot take is refused by name, and the pipeline stops', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-grpc-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const store = await AdiomStore.start();
  onTestFinished(() => store.stop());
  store.load('app.t', [{ _id: 1, known: 'x', surprise: 'y' }]);
  const url = await postgres.createDatabase();
  await queryPostgres(
    url,
    'CREATE SCHEMA app; CREATE TABLE app.t (id int PRIMARY KEY, known text)',
  );
  const file = path.join(folder, 'pipeline.yaml');
  const pipeline = {
    name: `grpc-bad-${process.pid}`,
    source: { url: store.url, namespaces: ['app.t'] },
    target: { url },
  };
  await writeFile(file, JSON.stringify(pipeline));
  const check = await weir.run(['check', file]);
  expect(check.code, check.stdout).toBe(0);
  const run = await weir.run(['run', file, '--until', 'caught-up']);
  expect(run.code).not.toBe(0);
  expect(run.stderr).toMatch(/surprise/);
  expect(run.stderr).not.toMatch(/"y"/);
});

it('documents that a table cannot take are parked with later changes of their keys, in the copy and behind it, and are rows when the table is mended', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-grpc-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const store = await AdiomStore.start({ partitions: 2 });
  onTestFinished(() => store.stop());
  const row = (id: number, more: Document = {}): Document => ({ _id: id, note: `n${id}`, ...more });
  for (let i = 1; i <= 400; i++) {
    const strange = i === 7 ? { surprise: 'hush' } : i === 8 ? { note: { deep: 'hush' } } : {};
    store.load('app.t', [row(i, strange)]);
  }
  const url = await postgres.createDatabase();
  await queryPostgres(
    url,
    'CREATE SCHEMA app; CREATE TABLE app.t (id int PRIMARY KEY, note text CHECK (note <> $$bad$$))',
  );
  const name = `grpc-park-${process.pid}`;
  const file = path.join(folder, 'pipeline.yaml');
  const pipeline = { name, source: { url: store.url }, target: { url }, onBadRow: 'park' };
  await writeFile(file, JSON.stringify(pipeline));
  const parked = async (command: string, ...args: string[]) =>
    weir.run(['parked', command, name, ...args]);
  const list = async (): Promise<ParkedEntry[]> =>
    JSON.parse((await parked('list', '--json')).stdout) as ParkedEntry[];
  const has = async (where: string): Promise<boolean> =>
    (await queryPostgres(url, `SELECT 1 FROM app.t WHERE ${where}`)).length > 0;

  const running = weir.start(['run', file]);
  await waitFor('the copy is in', () => has('id = 400'));
  await waitFor('two are parked', async () => (await list()).length === 2);
  const byText = (a: ParkedEntry, b: ParkedEntry): number =>
    a.key!['_id']! < b.key!['_id']! ? -1 : 1;
  expect((await list()).sort(byText)).toMatchObject([
    {
      key: { _id: '7' },
      kind: 'upsert',
      copied: true,
      reason: expect.stringMatching(/surprise/) as unknown,
    },
    {
      key: { _id: '8' },
      kind: 'upsert',
      copied: true,
      reason: expect.stringMatching(/field note/) as unknown,
    },
  ]);
  // Of 7: what fits waits behind. Of 8: a delete. Others: by a field, by an id, by a constraint, by a partial update.
  store.update('app.t', row(7, { note: 'later' }));
  store.delete('app.t', 8);
  store.update('app.t', row(9, { surprise: 'hush' }));
  store.update('app.t', { _id: 'no number', note: 'x' });
  store.update('app.t', row(10, { note: 'bad' }));
  store.patch('app.t', 11, { surprise: 'hush' }, ['note']);
  store.update('app.t', row(12, { note: 'fits' }));
  await waitFor('what fits is in', () => has(`id = 12 AND note = 'fits'`));
  await waitFor('all others are parked', async () => (await list()).length === 8);
  const entries = await list();
  const text = await parked('list');
  expect(text.stdout).toMatch(/app\.t {2}_id=9 {2}upsert {2}.*the field surprise.*add the column/);
  expect(text.stdout).not.toMatch(/hush/);
  const nine = entries.find(({ key }) => key?.['_id'] === '9')!;
  expect((await parked('show', String(nine.id))).stdout).toMatch(/surprise = hush/);
  const status = await weir.run(['status', name]);
  expect(status.stdout).toMatch(/8 parked/);

  const refused = await parked('replay', '--all');
  expect(refused.code, refused.stdout + refused.stderr).toBe(1);
  await queryPostgres(url, 'ALTER TABLE app.t ADD surprise text, DROP CONSTRAINT t_note_check');
  const replayed = await parked('replay', '--all');
  expect(replayed.stdout).toMatch(/1 entry left/);
  expect(await list()).toMatchObject([{ key: { _id: 'no number' } }]);
  await parked('discard', '--all');
  store.update('app.t', row(13, { surprise: 'fits by now' }));
  await waitFor('a new column is used', () => has(`id = 13 AND surprise = 'fits by now'`));
  await running.stop();
  const last = await weir.run(['run', file, '--until', 'caught-up']);
  expect(last.code, last.stderr).toBe(0);
  const rows = await queryPostgres(url, 'SELECT id, note, surprise FROM app.t');
  const expected = [...store.table('app.t').values()].filter(({ _id }) => _id !== 'no number');
  expect(byKey(rows)).toEqual(
    byKey(
      expected.map(({ _id, note, surprise }) => ({
        id: _id,
        note: note ?? null,
        surprise: surprise ?? null,
      })),
    ),
  );
  expect(last.stderr).not.toMatch(/hush/);
});

function byKey<T extends { id?: unknown }>(rows: T[]): Map<unknown, T> {
  return new Map(rows.map((row) => [row.id, row]));
}
