import { mkdir, rm } from 'node:fs/promises';
import { connect } from 'nats';
import { expect, onTestFinished, test } from 'vitest';
import { startNats } from '../../services/supervisor/embedded/nats-server.ts';
import { dumpTable } from '../support/psql.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = usePostgres();
const weir = useWeir();
const MIB = 1024 ** 2;

async function natsOf(megabytes: number) {
  const nats = await startNats({ maxFileStoreBytes: megabytes * MIB });
  onTestFinished(() => nats.stop());
  return nats;
}

interface Status {
  pipelines: { ok: boolean; services: { problem: string | null }[] }[];
}

test('a broker without room for the lanes is refused with what to change', async () => {
  const nats = await natsOf(64);
  const pipeline = await createPipeline(source, target, { lanes: 2, nats: { url: nats.url } });
  await queryPostgres(pipeline.sourceUrl, 'CREATE TABLE public.t (id int PRIMARY KEY)');
  const { code, stderr } = await weir.run(['run', pipeline.file]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/not enough JetStream storage.*raise max_file_store or use fewer lanes/);
});

test('a broker that others have filled holds the pipeline back, the status says so, and it goes on by itself', async () => {
  // One lane and its chunk lane take 512 MiB of it.
  const nats = await natsOf(520);
  const pipeline = await createPipeline(source, target, { lanes: 1 });
  const { name, file, sourceUrl, targetUrl } = pipeline;
  const env = { WEIR_NATS_URL: nats.url };
  await queryPostgres(sourceUrl, 'CREATE TABLE public.t (id int PRIMARY KEY, v text)');
  const services = ['source-reader', 'target-writer'].map((service) =>
    weir.start(['service', service, '--pipeline', file], { env }),
  );
  const insert = (from: number) =>
    queryPostgres(
      sourceUrl,
      `INSERT INTO public.t SELECT n, repeat('x', 300) FROM generate_series(${from}, ${from + 499}) n`,
    );
  const equal = async () =>
    expect
      .poll(() => dumpTable(targetUrl, 'public.t').catch(() => []), { timeout: 30_000 })
      .toEqual(await dumpTable(sourceUrl, 'public.t'));
  await insert(1);
  await equal();

  const client = await connect({ servers: nats.url });
  onTestFinished(() => client.close());
  const jsm = await client.jetstreamManager();
  await jsm.streams.add({ name: 'OTHERS', subjects: ['others'] });
  const megabyte = new Uint8Array(MIB - 1024);
  const js = client.jetstream();
  await expect(
    (async () => {
      for (let i = 0; i < 600; i += 20)
        await Promise.all(Array.from({ length: 20 }, () => js.publish('others', megabyte)));
    })(),
  ).rejects.toThrow();
  await insert(1_000);
  const told = await waitFor('the status to say so', async () => {
    const { stdout } = await weir.run(['status', name, '--json'], { env });
    const [entry] = (JSON.parse(stdout) as Status).pipelines;
    return entry?.services.find(({ problem }) => problem !== null) === undefined
      ? undefined
      : entry;
  });
  expect(told.ok).toBe(false);
  expect(told.services.map(({ problem }) => problem).join()).toMatch(
    /NATS server has no room for stream .*raise max_file_store.*goes on by itself/,
  );

  await jsm.streams.delete('OTHERS');
  await equal();
  // Held back, not failing again and again: at most its lease has expired meanwhile.
  for (const { output } of services)
    expect(output.split('service failed').length - 1).toBeLessThanOrEqual(2);
});

test('a broker whose store is lost while it runs cannot store, which is told, and nothing is missing once it is back with an empty one', async () => {
  const nats = await natsOf(2048);
  const pipeline = await createPipeline(source, target, { lanes: 1 });
  const { file, sourceUrl, targetUrl } = pipeline;
  const env = { WEIR_NATS_URL: nats.url };
  await queryPostgres(sourceUrl, 'CREATE TABLE public.t (id bigserial PRIMARY KEY, v text)');
  const insert = (rows: number) =>
    queryPostgres(
      sourceUrl,
      `INSERT INTO public.t (v) SELECT repeat(md5(n::text), 30) FROM generate_series(1, ${rows}) n`,
    );
  const start = (service: string) => weir.start(['service', service, '--pipeline', file], { env });
  const reader = start('source-reader');
  const writer = start('target-writer');
  const held = () => dumpTable(targetUrl, 'public.t').catch(() => []);
  const all = () => dumpTable(sourceUrl, 'public.t');
  await insert(1);
  await expect.poll(held, { timeout: 30_000 }).toEqual(await all());

  writer.kill('SIGSTOP');
  await rm(nats.storeDirectory, { recursive: true });
  // More than the server writes into one file.
  await insert(20_000);
  const line = await reader.waitForLine(/the broker accepts no frames/);
  expect(line).toMatch(/cannot store stream WEIR_.*repair its disk and start it again/);
  await nats.kill('SIGKILL');
  await mkdir(nats.storeDirectory);
  await nats.start();
  writer.kill('SIGCONT');
  await expect.poll(held, { timeout: 60_000, interval: 500 }).toEqual(await all());
  expect(reader.running && writer.running).toBe(true);
});
