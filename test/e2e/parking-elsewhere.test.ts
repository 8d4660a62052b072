import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { ParkedEntry } from '../../shared/connector/parking.ts';
import { dumpTable } from '../support/psql.ts';
import { serveStore } from '../support/served-store.ts';
import { queryPostgres, useNats, usePostgres } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';
import { readWrittenFolder } from '../support/written-folder.ts';

const server = usePostgres();
const nats = useNats();
const weir = useWeir();

const TABLE = 'CREATE TABLE public.t (id bigint PRIMARY KEY, n bigint)';

/** A pipeline into another kind of store, from rows of which n is 10 * id. */
async function started(name: string, target: string, more: object = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-elsewhere-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const sourceUrl = await server.createDatabase();
  await queryPostgres(
    sourceUrl,
    `${TABLE}; INSERT INTO public.t SELECT i, 10 * i FROM generate_series(1, 500) i`,
  );
  const file = path.join(folder, 'pipeline.yaml');
  const write = (also: object) =>
    // JSON is YAML.
    writeFile(
      file,
      JSON.stringify({
        ...{ name, source: { url: sourceUrl }, onBadRow: 'park', nats: { url: nats.url } },
        target: { url: target.replace('FOLDER', folder) },
        ...also,
      }),
    );
  await write(more);
  const env = { WEIR_STATE_DIR: path.join(folder, 'state'), WEIR_NATS_URL: nats.url };
  const run = () => weir.start(['run', file], { env });
  const parked = (command: string, ...args: string[]) =>
    weir.run(['parked', command, name, ...args], { env });
  const list = async () => JSON.parse((await parked('list', '--json')).stdout) as ParkedEntry[];
  return { folder, sourceUrl, write, run, parked, list };
}

it('rows that a peer over gRPC refuses are listed, shown, replayed and discarded as anywhere', async () => {
  const targetUrl = await server.createDatabase();
  await queryPostgres(targetUrl, `${TABLE}; ALTER TABLE public.t ADD CONSTRAINT odd CHECK (n <> 70)`); // prettier-ignore
  const { address } = await serveStore(targetUrl);
  const { sourceUrl, run, parked, list } = await started('grpc-parked', `grpc://${address}`);
  const running = run();
  await running.waitForLine(/streaming/);
  await queryPostgres(sourceUrl, 'UPDATE public.t SET n = 71 WHERE id = 7; UPDATE public.t SET n = 70 WHERE id IN (8, 9); DELETE FROM public.t WHERE id = 500'); // prettier-ignore
  await waitFor('the refused rows are aside', async () => (await list()).length === 4);
  const entries = await list();
  const keys = entries.map(({ key, copied }) => `${key!['id']} ${copied ? 'copied' : 'changed'}`);
  expect(keys.sort()).toEqual(['7 changed', '7 copied', '8 changed', '9 changed']);
  const eighth = entries.find(({ key }) => key!['id'] === '8')!;
  expect((await parked('show', String(eighth.id))).stdout).toMatch(/n = 70/);
  expect((await parked('discard', String(eighth.id))).stdout).toMatch(/1 entry discarded/);

  // What was refused of 7 is needless once the later change of it is taken.
  expect((await parked('replay', '--all')).stdout).toMatch(/1 entry left/);
  await queryPostgres(targetUrl, 'ALTER TABLE public.t DROP CONSTRAINT odd');
  expect((await parked('replay', '--all')).code).toBe(0);
  await queryPostgres(sourceUrl, 'UPDATE public.t SET n = 80 WHERE id = 8');
  const expected = await dumpTable(sourceUrl, 'public.t');
  await waitFor('the last change', async () => {
    const found = await dumpTable(targetUrl, 'public.t');
    return found.join('\n') === expected.join('\n');
  });
  expect((await running.stop()).code).toBe(0);
});

it('rows that a step fails for are put aside in a folder of files, and replayed once the step is mended', async () => {
  const divided = (by: string) => ({
    transforms: [{ on: ['public.t'], set: { n: { cel: by, type: 'bigint' } } }],
  });
  const target = 'file:FOLDER/data?format=jsonl';
  const all = await started('file-parked', target, divided('100 / (row.n - 70)'));
  const { folder, sourceUrl, write, run, parked, list } = all;
  const first = run();
  await first.waitForLine(/streaming/);
  await queryPostgres(sourceUrl, 'UPDATE public.t SET n = 170 WHERE id = 7; UPDATE public.t SET n = 70 WHERE id = 8'); // prettier-ignore
  await waitFor('the rows are aside', async () => (await list()).length === 3);
  expect((await first.stop()).code).toBe(0);

  await write(divided('row.n + 1'));
  const second = run();
  await second.waitForLine(/streaming/);
  await waitFor('an answer', async () => (await parked('list')).code === 0);
  const { code, stdout, stderr } = await parked('replay', '--all');
  expect(code, stdout + stderr).toBe(0);
  expect((await parked('list')).stdout).toMatch(/nothing is parked/);
  const rows = (await readWrittenFolder(path.join(folder, 'data'))).get('public.t')!;
  const found = new Map([...rows.values()].map(({ id, n }) => [String(id), String(n)]));
  // As the first step made it of the later change, which had passed it.
  expect(found.get('7')).toBe('1');
  expect(found.get('8')).toBe('71');
  expect(found.size).toBe(500);
  expect((await second.stop()).code).toBe(0);
});
