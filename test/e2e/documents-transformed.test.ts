import path from 'node:path';
import { BSON } from 'bson';
import { expect, it, onTestFinished } from 'vitest';
import { FolderState } from '../../shared/ledger/folder-state.ts';
import { StoredPipeline } from '../../shared/state/stored-pipeline.ts';
import { AdiomStore, type Document } from '../support/adiom-store.ts';
import {
  exactById,
  EXPECTED,
  ORDERS,
  PEOPLE,
  SCORES,
  transformedShop,
} from '../support/documents-shop.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const weir = useWeir();
const postgres = usePostgres();

it('documents → transformer → grpc: end as the steps make them, partial updates and what enters and leaves among the changes, killed in the copy and while it follows', async () => {
  const target = await AdiomStore.start();
  onTestFinished(() => target.stop());
  const name = `documents-grpc-${process.pid}`;
  const { shop, file, state, options } = await transformedShop(target.url, name);
  const ledger = new StoredPipeline(new FolderState(path.join(state, name)));
  const counted = async (): Promise<number> =>
    Object.values((await ledger.readProgress())?.applied ?? {}).reduce(
      (sum, { inserts, updates, deletes }) => sum + inserts + updates + deletes,
      0,
    );
  const check = await weir.run(['check', file], options);
  expect(check.code, check.stdout).toBe(0);
  expect(check.stdout).toMatch(/app\.orders.*partial update is a bad row/);

  shop.store.fault({ method: 'ListData', after: 12, times: 40, delayMs: 60 });
  const first = weir.start(['run', file], options);
  await waitFor('some documents are in', () => target.written.length > 0);
  shop.change(100);
  first.kill('SIGKILL');
  await first.exited;
  const second = weir.start(['run', file], options);
  await waitFor('some changes are in', async () => (await counted()) >= 60, { timeoutMs: 60_000 });
  shop.change(200);
  second.kill('SIGKILL');
  await second.exited;
  shop.change(50);
  const last = await weir.run(['run', file, '--until', 'caught-up'], options);
  expect(last.code, last.stderr).toBe(0);
  for (const namespace of [PEOPLE, ORDERS, SCORES]) {
    const expected = shop.expected(namespace);
    expect(expected.size).toBeGreaterThan(300);
    expect(exactById([...target.table(namespace).values()])).toEqual(expected);
  }
  const tried = await weir.run(['transform', 'test', file, '--sample', '2'], options);
  expect(tried.code, tried.stderr).toBe(0);
  expect(tried.stdout).toMatch(/before _id=\d+ email="[^"]+" secret="hush"/);
  expect(tried.stdout).toMatch(/after {2}_id="[0-9a-f]{64}" email="[0-9a-f]{64}" title=/);
});

it('documents → transformer → postgres: end as the steps make them, in columns by name and in tables of whole documents, killed while it follows', async () => {
  const url = await postgres.createDatabase();
  await queryPostgres(
    url,
    'CREATE SCHEMA app; CREATE TABLE app.orders (id int PRIMARY KEY, total bigint, code text, big boolean)',
  );
  const { shop, file, options } = await transformedShop(url, `documents-pg-${process.pid}`);
  const first = weir.start(['run', file], options);
  const applied = 'SELECT coalesce(sum(updates), 0) AS n FROM weir.count';
  await waitFor('the copy is in', async () => {
    const found = await queryPostgres(url, `SELECT to_regclass('weir.count') AS known`);
    return found[0]?.['known'] !== null;
  });
  shop.change(150);
  await waitFor(
    'some changes are in',
    async () => Number((await queryPostgres(url, applied))[0]?.['n']) >= 30,
    { timeoutMs: 60_000 },
  );
  first.kill('SIGKILL');
  await first.exited;
  shop.change(100);
  const last = await weir.run(['run', file, '--until', 'caught-up'], options);
  expect(last.code, last.stderr).toBe(0);
  for (const namespace of [PEOPLE, SCORES]) {
    const rows = await queryPostgres(url, `SELECT document::text AS document FROM ${namespace}`);
    const found = rows.map(
      ({ document }) => BSON.EJSON.parse(document as string, { relaxed: false }) as Document,
    );
    expect(exactById(found)).toEqual(shop.expected(namespace));
  }
  const orders = await queryPostgres(url, 'SELECT * FROM app.orders');
  const expected = [...shop.store.table(ORDERS).values()].flatMap((each) => {
    const made = EXPECTED[ORDERS]!(each);
    return made === null
      ? []
      : [[Number(made['_id']), String(made['total']), made['code'], made['big']]];
  });
  expect(orders.map(({ id, total, code, big }) => [id, String(total), code, big]).sort()).toEqual(
    expected.sort(),
  );
  const filtered = await queryPostgres(url, 'SELECT sum(filtered) AS n FROM weir.chunk');
  expect(Number(filtered[0]?.['n'])).toBeGreaterThan(300);
});
