import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { randomTables } from '../support/random-model.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { countRows } from '../support/shop-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const target = usePostgres();
const weir = useWeir();

const TABLE = `SELECT id::text, name, amount::text, ratio, left(active::text, 1) AS active,
  (made_at AT TIME ZONE 'UTC')::text || '+00' AS made_at, note, payload`;

it('random: → postgres: ends as the seed says, killed in the copy and again while it follows', async () => {
  const url =
    'random:?seed=7&namespaces=2&rows=12000&chunk=600&size=400&transaction=4&changes=12000&rate=6000&mix=2:5:2';
  const targetUrl = await target.createDatabase();
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-e2e-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'pipeline.yaml');
  await writeFile(
    file,
    JSON.stringify({
      name: `random-${process.pid}`,
      source: { url },
      target: { url: targetUrl },
      map: { 'random.table_2': 'other.second' },
      lanes: 4,
    }),
  );
  const state = async (query: string): Promise<number> => {
    const [found] = await queryPostgres(targetUrl, `SELECT to_regclass('weir.count') AS there`);
    return found?.['there'] === null ? 0 : countRows(targetUrl, query);
  };

  const first = weir.start(['run', file]);
  await waitFor('some chunks are in', async () => {
    return (await state('SELECT count(*) FROM weir.chunk WHERE done')) >= 3;
  });
  first.kill('SIGKILL');
  await first.exited;
  const chunks = await state('SELECT count(*) FROM weir.chunk WHERE done');
  expect(chunks).toBeLessThan(40);

  const second = weir.start(['run', file]);
  const applied = 'SELECT coalesce(sum(inserts + updates + deletes), 0) FROM weir.count';
  await waitFor('some changes are in', async () => (await state(applied)) > 0);
  second.kill('SIGKILL');
  await second.exited;

  const last = await weir.run(['run', file, '--until', 'caught-up']);
  expect(last.code, last.stderr).toBe(0);
  // By now the log has come to its end, as it grows for two seconds only.
  expect(await state(applied)).toBe(12_000);
  const expected = await randomTables(url);
  for (const [namespace, table] of [
    ['random.table_1', 'random.table_1'],
    ['random.table_2', 'other.second'],
  ] as const) {
    const rows = await queryPostgres(targetUrl, `${TABLE} FROM ${table}`);
    const model = expected.get(namespace)!;
    expect(rows.length).toBe(model.size);
    const different = rows.filter((row) => {
      const want = model.get(String(row['id']))?.map((v, i) => (i === 3 ? Number(v) : v));
      return JSON.stringify(Object.values(row)) !== JSON.stringify(want);
    });
    expect(different.slice(0, 3)).toEqual([]);
  }
  const [key] = await queryPostgres(
    targetUrl,
    `SELECT pg_get_constraintdef(oid) AS is FROM pg_constraint WHERE conrelid = 'other.second'::regclass AND contype = 'p'`,
  );
  expect(key).toEqual({ is: 'PRIMARY KEY (id)' });

  const equal = await weir.run(['verify', file, '--settle', '0']);
  expect([equal.code, equal.stderr], equal.stdout).toEqual([0, '']);
  const [other, gone] = [...expected.get('random.table_2')!.keys()];
  await queryPostgres(
    targetUrl,
    `UPDATE other.second SET amount = amount + 0.01 WHERE id = ${other}; DELETE FROM other.second WHERE id = ${gone};
     INSERT INTO other.second (id) VALUES (0)`,
  );
  const found = await weir.run(['verify', file, '--settle', '0']);
  expect(found.code).toBe(1);
  for (const line of [
    `different: {${other}}`,
    `missing at target: {${gone}}`,
    'extra at target: {0}',
  ])
    expect(found.stdout).toContain(line);
  expect(found.stdout).toMatch(/random\.table_1 .* rows {2}equal\n/);
});
