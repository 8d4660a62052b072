import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const weir = useWeir();
const postgres = usePostgres();
const RANDOM = 'random:?seed=7&rows=2000&changes=3000&transaction=3&mix=2:5:2';
const TABLE = `CREATE SCHEMA random; CREATE TABLE random.table_1 (id bigint PRIMARY KEY, name text,
  amount numeric(14,2), ratio double precision, active boolean, made_at timestamptz, note text, payload text)`;

it('random: served over gRPC and copied into PostgreSQL, killed in the middle, ends as without gRPC', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-served-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const served = weir.start(['connector', 'serve', RANDOM, '--listen', '127.0.0.1:0']);
  const [address] = /grpc:\/\/\S+/.exec(await served.waitForLine(/grpc:\/\//))!;
  const prepare = async (name: string, source: string): Promise<{ file: string; url: string }> => {
    const url = await postgres.createDatabase();
    await queryPostgres(url, TABLE);
    const file = path.join(folder, `${name}.yaml`);
    const pipeline = { name: `${name}-${process.pid}`, source: { url: source }, target: { url } };
    await writeFile(file, JSON.stringify(pipeline));
    return { file, url };
  };
  const over = await prepare('over-grpc', address);
  const plain = await prepare('plain', RANDOM);
  const first = weir.start(['run', over.file]);
  await waitFor('some rows are in', async () => {
    const [row] = await queryPostgres(over.url, 'SELECT count(*) AS n FROM random.table_1');
    return Number(row?.['n']) > 0;
  });
  first.kill('SIGKILL');
  await first.exited;
  for (const { file } of [over, plain]) {
    const run = await weir.run(['run', file, '--until', 'caught-up']);
    expect(run.code, run.stderr).toBe(0);
  }
  const rows = (url: string) =>
    queryPostgres(url, 'SELECT t::text FROM random.table_1 t ORDER BY id');
  expect(await rows(over.url)).toEqual(await rows(plain.url));
});
