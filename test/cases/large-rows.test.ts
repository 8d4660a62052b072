import { expect, onTestFinished, test } from 'vitest';
import { ResidentWatch } from '../faults/resident-watch.ts';
import { queryPostgres, useNats, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline, type TestPipeline } from '../support/shop-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir, type WeirProcess } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const nats = useNats();
const weir = useWeir();
const MIB = 1 << 20;

const value = (mib: number): string => `repeat(md5(random()::text), ${(mib * MIB) / 32})`;

function start(name: string, { file }: TestPipeline, laneMib = ''): WeirProcess {
  const env = { WEIR_NATS_URL: nats.url, WEIR_LANE_MIB: laneMib };
  return weir.start(['service', name, '--pipeline', file], { env });
}

async function untilEqual({ sourceUrl, targetUrl }: TestPipeline): Promise<void> {
  const sums = async (url: string): Promise<string> =>
    JSON.stringify(await queryPostgres(url, 'SELECT id, md5(v) FROM public.large ORDER BY id'));
  await waitFor(
    'the same rows at the target',
    async () => (await sums(sourceUrl)) === (await sums(targetUrl)),
    { timeoutMs: 120_000, everyMs: 250 },
  );
}

async function createLarge(spec: object): Promise<TestPipeline> {
  const pipeline = await createPipeline(source, target, { lanes: 2, ...spec });
  await queryPostgres(
    pipeline.sourceUrl,
    `CREATE TABLE public.large (id int PRIMARY KEY, v text);
     ALTER TABLE public.large ALTER v SET STORAGE EXTERNAL`,
  );
  return pipeline;
}

test('a row of 200 MiB is copied and another followed, in memory of a few times its size, and no lane is lost', async () => {
  const pipeline = await createLarge({});
  await queryPostgres(pipeline.sourceUrl, `INSERT INTO public.large VALUES (0, ${value(200)})`);
  const reader = start('source-reader', pipeline);
  const writer = start('target-writer', pipeline);
  const services = { reader, writer };
  const memory = new ResidentWatch(
    Object.entries(services).map(([name, { pid }]) => ({ name, pid: () => pid })),
  );
  onTestFinished(() => memory.stop());
  await untilEqual(pipeline);
  await queryPostgres(pipeline.sourceUrl, `INSERT INTO public.large VALUES (1, ${value(200)})`);
  await untilEqual(pipeline);
  for (const service of [reader, writer]) service.kill('SIGTERM');
  for (const service of [reader, writer]) expect((await service.exited).code).toBe(0);
  process.stdout.write(`large row: ${String(memory)}\n`);
  expect(memory.most((name) => name === 'reader')).toBeLessThan(8 * 200 * MIB);
  expect(memory.most((name) => name === 'writer')).toBeLessThan(5 * 200 * MIB);
  expect(writer.output).not.toMatch(/lease|lane failed/);
});

test('a changed row that no lane carries ends the reader with its table, key and size, and comes through a larger lane', async () => {
  const pipeline = await createLarge({ onBadRow: 'park' });
  await queryPostgres(pipeline.sourceUrl, `INSERT INTO public.large VALUES (0, ${value(20)})`);
  const writer = start('target-writer', pipeline);
  const reader = start('source-reader', pipeline, '16');
  await untilEqual(pipeline);
  await queryPostgres(
    pipeline.sourceUrl,
    `INSERT INTO public.large VALUES (1, 'before'), (7, ${value(20)}), (2, 'behind')`,
  );
  const { code, stderr } = await reader.exited;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /a row of public\.large \(id = 7\) takes 21 MiB .* up to 15 MiB: .*WEIR_LANE_MIB=\d+/,
  );
  const larger = start('source-reader', pipeline, /WEIR_LANE_MIB=(\d+)/.exec(stderr)![1]!);
  await untilEqual(pipeline);
  for (const service of [larger, writer]) expect((await service.stop()).code).toBe(0);
});
