import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { serveStore } from '../support/served-store.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { availableValueTables, createValueTables } from '../support/value-rounds.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

const PLAIN = `CREATE TABLE plain (n int, id bigint PRIMARY KEY, note text, twice int GENERATED ALWAYS AS (n * 2) STORED)`;
const ROWS = `INSERT INTO plain SELECT i, i, CASE WHEN i % 3 > 0 THEN 'note ' || i END FROM generate_series(1, 3000) i`;

interface Pair {
  name: string;
  from: string;
  to: string;
  namespaces?: string[];
}

async function folderOf(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-across-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function pipelineOf(folder: string, { name, from, to, namespaces }: Pair): Promise<string> {
  const file = path.join(folder, `${name}.yaml`);
  const end = namespaces === undefined ? { url: from } : { url: from, namespaces };
  // JSON is YAML.
  await writeFile(
    file,
    JSON.stringify({ name, mode: 'snapshot', source: end, target: { url: to } }),
  );
  return file;
}

async function copied(file: string, env: Record<string, string> = {}): Promise<void> {
  const { code, stderr } = await weir.run(['run', file], { env });
  expect(code, stderr).toBe(0);
}

const verify = (file: string) => weir.run(['verify', file, '--settle', '0']);

async function expectEqual(file: string): Promise<void> {
  const { code, stdout, stderr } = await verify(file);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/source and target are equal/);
}

it('PostgreSQL → file: → PostgreSQL is found equal each way for values of every type, and each damage to a file is found and named', async () => {
  const folder = await folderOf();
  const [sourceUrl, targetUrl] = [await source.createDatabase(), await target.createDatabase()];
  const tables = await availableValueTables(sourceUrl, targetUrl);
  for (const url of [sourceUrl, targetUrl]) await createValueTables(url, tables);
  for (const { name } of tables) await queryPostgres(targetUrl, `TRUNCATE ${name}`);
  const keyless = `CREATE TABLE keyless (a int, b text); ALTER TABLE keyless REPLICA IDENTITY FULL`;
  await queryPostgres(sourceUrl, `${PLAIN}; ${ROWS}; ${keyless}; INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (2, NULL)`); // prettier-ignore
  const files = `file:${folder}/data`;
  const out = await pipelineOf(folder, { name: 'out', from: sourceUrl, to: files });
  const back = await pipelineOf(folder, { name: 'back', from: files, to: targetUrl });
  await copied(out);
  await expectEqual(out);
  await copied(back);
  await expectEqual(back);

  const within = path.join(folder, 'data', 'public.plain');
  for (const name of await readdir(within)) {
    if (!name.endsWith('.jsonl')) continue;
    const text = await readFile(path.join(within, name), 'utf8');
    const damaged = text
      .replace('"id":500,"note":"note 500"', '"id":500,"note":"note 50O"')
      .replace(/^.*"id":501,.*\n/m, '{"n":1,"id":9000,"note":null}\n')
      .replace('"id":3,"note":null', '"id":3,"note":""');
    await writeFile(path.join(within, name), damaged);
  }
  const found = await verify(out);
  expect(found.code).toBe(1);
  for (const line of [
    'different: {500}',
    'different: {3}',
    'missing at target: {501}',
    'extra at target: {9000}',
  ])
    // prettier-ignore
    expect(found.stdout).toContain(line);
  expect(found.stdout).toMatch(/public\.plain {2}3,000 rows {2}DIFFERENT: /);
  expect(found.stdout).toMatch(/public\.keyless {2}3 rows {2}equal/);
});

it('PostgreSQL → PostgreSQL served over gRPC is found equal for values of every type, and each damage at the target is found and named', async () => {
  const folder = await folderOf();
  const [sourceUrl, targetUrl] = [await source.createDatabase(), await target.createDatabase()];
  const tables = await availableValueTables(sourceUrl, targetUrl);
  for (const url of [sourceUrl, targetUrl]) await createValueTables(url, tables);
  for (const { name } of tables) await queryPostgres(targetUrl, `TRUNCATE ${name}`);
  for (const url of [sourceUrl, targetUrl]) await queryPostgres(url, PLAIN);
  await queryPostgres(sourceUrl, ROWS);
  const { address } = await serveStore(targetUrl);
  const to = `grpc://${address}`;
  const file = await pipelineOf(folder, { name: 'served', from: sourceUrl, to });
  await copied(file, { WEIR_STATE_DIR: folder });
  await expectEqual(file);

  // Alone: no number of rows tells it.
  await queryPostgres(targetUrl, `UPDATE plain SET note = '' WHERE id = 3`);
  expect((await verify(file)).stdout).toContain('different: {3}');
  await queryPostgres(
    targetUrl,
    `DELETE FROM plain WHERE id = 501; INSERT INTO plain VALUES (1, 9000)`,
  );
  const found = await verify(file);
  expect(found.code).toBe(1);
  for (const line of ['different: {3}', 'missing at target: {501}', 'extra at target: {9000}'])
    expect(found.stdout).toContain(line);
});
