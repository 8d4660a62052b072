import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startNats } from '../../services/supervisor/embedded/nats-server.ts';
import { dumpTable } from '../support/psql.ts';
import { queryPostgres, useNats, usePostgres } from '../support/servers.ts';
import { countRows, createPipeline } from '../support/shop-pipeline.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = usePostgres();
const nats = useNats();
const weir = useWeir();

/** A table that is written to until the test is over, or `stop` is called. */
async function busyTable(url: string): Promise<{ stop: () => Promise<void> }> {
  await queryPostgres(url, 'CREATE TABLE public.t (id bigserial PRIMARY KEY, v text)');
  let over = false;
  const writing = (async () => {
    while (!over) {
      await queryPostgres(
        url,
        `INSERT INTO public.t (v) SELECT repeat('x', 500) FROM generate_series(1, 500);
         UPDATE public.t SET v = 'u' || random() WHERE id % 97 = 1`,
      );
      await sleep(50);
    }
  })();
  const stop = (): Promise<void> => {
    over = true;
    return writing;
  };
  onTestFinished(stop);
  return { stop };
}

const rows = (url: string): Promise<number> =>
  countRows(url, 'SELECT count(*) FROM public.t').catch(() => 0);

test('Ctrl-C under load ends a run in order, and the next one goes on', async () => {
  const pipeline = await createPipeline(source, target, { lanes: 2, writers: 2 });
  const table = await busyTable(pipeline.sourceUrl);
  const running = weir.start(['run', pipeline.file]);
  await waitFor('rows at the target', async () => (await rows(pipeline.targetUrl)) > 3_000);
  running.kill('SIGINT');
  const { code, stderr } = await running.exited;
  expect(code, stderr).toBe(0);
  expect(stderr).not.toMatch(/took longer/);
  await table.stop();
  const again = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
  expect(again.code, again.stderr).toBe(0);
  const all = await dumpTable(pipeline.sourceUrl, 'public.t');
  expect((await dumpTable(pipeline.targetUrl, 'public.t')).length).toBe(all.length);
});

test('a writer whose target stands still ends at its deadline, and at once where it is asked twice', async () => {
  const wire = await TcpProxy.listen(target.server.port);
  onTestFinished(() => wire.close());
  const url = wire.urlFor(await target.createDatabase());
  const pipeline = await createPipeline(source, target, { lanes: 2, target: { url } });
  await busyTable(pipeline.sourceUrl);
  const [reader, ...writers] = ['source-reader', 'target-writer', 'target-writer'].map((service) =>
    weir.start(['service', service, '--pipeline', pipeline.file], {
      env: { WEIR_NATS_URL: nats.url },
    }),
  );
  await waitFor('rows at the target', async () => (await rows(url)) > 1_000);
  wire.hold();
  // Until each of them has begun something that does not come to an end.
  await sleep(1_500);
  const [patient, hasty] = writers as [(typeof writers)[0], (typeof writers)[0]];
  patient.kill('SIGTERM');
  hasty.kill('SIGTERM');
  await sleep(300);
  hasty.kill('SIGTERM');
  const asked = await hasty.exited;
  expect(asked.code).toBe(143);
  expect(asked.stderr).not.toMatch(/took longer/);
  expect(patient.running).toBe(true);
  const ended = await patient.exited;
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/stopping took longer than 10 s.*done again at the next start/);
  reader!.kill();
});

test('a run whose broker stands still ends within its 40 seconds, and the next one goes on', async () => {
  const pipeline = await createPipeline(source, target, { lanes: 2 });
  const table = await busyTable(pipeline.sourceUrl);
  const broker = await startNats();
  onTestFinished(() => broker.stop());
  const env = { WEIR_NATS_URL: broker.url };
  const running = weir.start(['run', pipeline.file], { env });
  await waitFor('rows at the target', async () => (await rows(pipeline.targetUrl)) > 1_000);
  process.kill(broker.pid, 'SIGSTOP');
  try {
    running.kill('SIGTERM');
    // Killed only where it takes longer than it says.
    const tooLate = setTimeout(() => running.kill('SIGKILL'), 45_000);
    const { code, signal } = await running.exited;
    clearTimeout(tooLate);
    expect(signal).toBeNull();
    expect(code).toBeLessThanOrEqual(1);
  } finally {
    process.kill(broker.pid, 'SIGCONT');
  }
  await table.stop();
  const again = await weir.run(['run', pipeline.file, '--until', 'caught-up'], { env });
  expect(again.code, again.stderr).toBe(0);
  const all = await dumpTable(pipeline.sourceUrl, 'public.t');
  expect((await dumpTable(pipeline.targetUrl, 'public.t')).length).toBe(all.length);
});
