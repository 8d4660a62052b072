import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BSON, Int32 } from 'bson';
import { expect, it, onTestFinished } from 'vitest';
import type { ParkedEntry } from '../../shared/connector/parking.ts';
import { AdiomStore, type Document } from '../support/adiom-store.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const weir = useWeir();
const postgres = usePostgres();
const COLUMNS = 'app.columns';
const WHOLE = 'app.whole';

it('documents that a step fails for are parked with later changes of their keys, partial updates of whole documents too, and are what the mended steps make of them after a replay', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-parked-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const store = await AdiomStore.start({ lsnStream: true });
  onTestFinished(() => store.stop());
  const document = (id: number, n: number, more: Document = {}): Document => ({
    _id: new Int32(id),
    n: new Int32(n),
    note: `hush ${id}`,
    ...more,
  });
  for (let i = 1; i <= 60; i++)
    for (const namespace of [COLUMNS, WHOLE]) store.load(namespace, [document(i, i === 7 ? 0 : i)]);
  const url = await postgres.createDatabase();
  await queryPostgres(
    url,
    'CREATE SCHEMA app; CREATE TABLE app.columns (id int PRIMARY KEY, n int, note text, part bigint)',
  );
  const name = `documents-park-${process.pid}`;
  const file = path.join(folder, 'pipeline.yaml');
  const writeFileWith = (cel: string): Promise<void> =>
    writeFile(
      file,
      JSON.stringify({
        name,
        source: { url: store.url },
        target: { url },
        onBadRow: 'park',
        transforms: [{ set: { part: { cel } } }],
      }),
    );
  await writeFileWith('100 / row.n');
  const parked = (command: string, ...args: string[]) =>
    weir.run(['parked', command, name, ...args]);
  const list = async (): Promise<ParkedEntry[]> =>
    JSON.parse((await weir.run(['parked', 'list', name, '--json'])).stdout) as ParkedEntry[];
  const has = async (table: string, where: string): Promise<boolean> =>
    (await queryPostgres(url, `SELECT 1 FROM ${table} WHERE ${where}`)).length > 0;

  const first = weir.start(['run', file]);
  await waitFor('two are parked', async () => (await list()).length === 2);
  expect(await list()).toMatchObject(
    [0, 1].map(() => ({
      key: { _id: '7' },
      kind: 'upsert',
      copied: true,
      untransformed: true,
      reason: expect.stringMatching(/step 1 \(set\): .*division by zero/) as string,
    })),
  );
  // Of 7 everything waits: what passes, what fails again, and partial updates; of others nothing does.
  store.update(COLUMNS, document(7, 4));
  store.update(COLUMNS, document(7, 0, { note: 'hush again' }));
  store.patch(COLUMNS, new Int32(7), { note: 'hush later' });
  store.patch(WHOLE, new Int32(7), { note: 'hush later' });
  store.patch(WHOLE, new Int32(7), { more: { deep: 1 } }, ['note']);
  store.patch(WHOLE, new Int32(8), { more: 'x' }, ['note']);
  store.update(WHOLE, document(9, 0));
  store.delete(WHOLE, new Int32(9));
  store.update(WHOLE, document(10, 20));
  await waitFor('what may go on has', () => has('app.whole', `document ->> 'more' = 'x'`));
  await waitFor('others go on', () =>
    has('app.whole', `document #>> '{part,$numberLong}' = '5' AND _id = '{"$numberInt":"10"}'`),
  );
  await waitFor('all of 7 and 9 waits', async () => (await list()).length >= 8);
  expect(await has('app.columns', 'id = 7')).toBe(false);
  const texts = await parked('list');
  expect(texts.stdout + texts.stderr).not.toMatch(/hush/);
  const status = await weir.run(['status', name]);
  expect(status.stdout).toMatch(/\d+ parked/);
  await first.stop();

  await writeFileWith('row.n == 0 ? 0 : 100 / row.n');
  const running = weir.start(['run', file]);
  await running.waitForLine(/streaming/);
  const replayed = await parked('replay', '--all');
  expect(replayed.code, replayed.stdout + replayed.stderr).toBe(0);
  expect(await list()).toEqual([]);
  store.patch(WHOLE, new Int32(7), { last: 1 });
  await waitFor('nothing waits any more', () => has('app.whole', `document ? 'last'`));
  await running.stop();
  const last = await weir.run(['run', file, '--until', 'caught-up']);
  expect(last.code, last.stderr).toBe(0);

  const partOf = (n: unknown): bigint => (Number(n) === 0 ? 0n : 100n / BigInt(Number(n)));
  const expected = (namespace: string): Document[] =>
    [...store.table(namespace).values()].map((each) => ({ ...each, part: partOf(each['n']) }));
  const rows = await queryPostgres(
    url,
    'SELECT id, n, note, part::text FROM app.columns ORDER BY id',
  );
  expect(rows).toEqual(
    expected(COLUMNS)
      .map(({ _id, n, note, part }) => ({
        id: Number(_id),
        n: Number(n),
        note,
        part: String(part),
      }))
      .sort((a, b) => a.id - b.id),
  );
  const exact = (value: unknown): unknown =>
    JSON.parse(BSON.EJSON.stringify(value, { relaxed: false }));
  const found = await queryPostgres(url, 'SELECT document::text AS document FROM app.whole');
  const byId = (all: unknown[]): Map<string, unknown> =>
    new Map(all.map((each) => [JSON.stringify((each as Document)['_id']), each]));
  expect(byId(found.map(({ document: text }) => JSON.parse(text as string) as unknown))).toEqual(
    byId(expected(WHOLE).map(exact)),
  );
});
