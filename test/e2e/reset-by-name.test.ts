import { expect, test } from 'vitest';
import { connectHub } from '../../shared/hub/hub.ts';
import { deletePipelineStreams } from '../../shared/hub/streams.ts';
import { queryPostgres, useNats, usePostgres } from '../support/servers.ts';
import { countRows, createPipeline } from '../support/shop-pipeline.ts';
import { dumpTable } from '../support/psql.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = usePostgres();
const nats = useNats();
const weir = useWeir();

const LEFT_AT_SOURCE = `SELECT (SELECT count(*) FROM pg_replication_slots WHERE database = current_database())
  + (SELECT count(*) FROM pg_publication)`;

test('reset by name: refused while it runs; done once by two people; a writer that survives serves the next one', async () => {
  const pipeline = await createPipeline(source, target, { lanes: 2 });
  const { name, file, sourceUrl, targetUrl } = pipeline;
  const env = { WEIR_NATS_URL: nats.url };
  const start = (service: string) => weir.start(['service', service, '--pipeline', file], { env });
  const reset = () => weir.run(['reset', name], { env });
  const sql = (text: string) => queryPostgres(sourceUrl, text);
  const equal = async () =>
    expect
      .poll(() => dumpTable(targetUrl, 'public.t').catch(() => []), { timeout: 30_000 })
      .toEqual(await dumpTable(sourceUrl, 'public.t'));

  await sql('CREATE TABLE public.t (id int PRIMARY KEY, v text)');
  await sql(`INSERT INTO public.t SELECT n, 'first' FROM generate_series(1, 500) n`);
  const reader = start('source-reader');
  const standby = start('source-reader');
  const writer = start('target-writer');
  await equal();

  const refused = await reset();
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/runs, so nothing of it was removed; pause it with/);
  await sql(`INSERT INTO public.t VALUES (1000, 'still followed')`);
  await equal();

  expect((await weir.run(['pause', name], { env })).code).toBe(0);
  const resets = await Promise.all([reset(), reset()]);
  // Who comes a moment later is told that there is nothing any more.
  const late = resets.filter(({ code }) => code !== 0);
  expect(late.length, late.map(({ stderr }) => stderr).join()).toBeLessThan(2);
  for (const { stderr } of late) expect(stderr).toMatch(/it was reset already/);
  for (const ended of [reader, standby]) expect((await ended.exited).code).toBe(0);
  await writer.waitForLine(/waiting for a new plan/);
  expect(await countRows(sourceUrl, LEFT_AT_SOURCE)).toBe(0);
  expect(
    await countRows(targetUrl, `SELECT count(*) FROM pg_namespace WHERE nspname = 'weir'`),
  ).toBe(0);
  const hub = await connectHub({ url: nats.url, name: 'test' });
  expect(await deletePipelineStreams(hub.control, name)).toEqual([]);
  await hub.close();

  const nobody = await reset();
  expect(nobody.code).toBe(1);
  expect(nobody.stderr).toMatch(/it was reset already, or it never ran.*weir reset FILE/);

  // Another shape of the same table: nothing of the first plan may be believed.
  await queryPostgres(targetUrl, 'DROP TABLE public.t');
  await sql(`ALTER TABLE public.t ADD COLUMN n int; UPDATE public.t SET n = id`);
  start('source-reader');
  for (let i = 0; i < 20; i++) await sql(`UPDATE public.t SET v = 'v${i}' WHERE id % 20 = ${i}`);
  await waitFor('the new copy', () => countRows(targetUrl, 'SELECT count(n) FROM public.t'));
  await equal();
});
