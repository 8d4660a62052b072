import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { connectHub } from '../../shared/hub/hub.ts';
import { deletePipelineStreams } from '../../shared/hub/streams.ts';
import { queryPostgres, useNats, usePostgres } from '../support/servers.ts';
import { countRows, createPipeline, type TestPipeline } from '../support/shop-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const smallSource = usePostgres({ settings: { max_slot_wal_keep_size: '48MB' } });
const target = usePostgres();
const nats = useNats();
const weir = useWeir();

interface Status {
  pipelines: { ok: boolean; services: { retention?: { warning: string | null } }[] }[];
}

const env = (): Record<string, string> => ({ WEIR_NATS_URL: nats.url });
const slots = `SELECT count(*) FROM pg_replication_slots WHERE database = current_database()`;

/** A pipeline that follows, with its services started one by one. */
async function following(from: typeof source, retention?: object) {
  const pipeline = await createPipeline(from, target);
  await rewrite(pipeline, retention);
  await queryPostgres(
    pipeline.sourceUrl,
    'CREATE TABLE public.t (id bigserial PRIMARY KEY, v text)',
  );
  await write(pipeline, 1);
  const start = (service: string) =>
    weir.start(['service', service, '--pipeline', pipeline.file], { env: env() });
  const reader = start('source-reader');
  const writer = start('target-writer');
  await waitFor('the copy', async () => (await rows(pipeline.targetUrl)) > 0);
  return { pipeline, reader, writer, start };
}

async function rewrite({ file, name, sourceUrl, targetUrl }: TestPipeline, retention?: object) {
  const spec = {
    name,
    lanes: 1,
    source: { url: sourceUrl, retention },
    target: { url: targetUrl },
  };
  await writeFile(file, JSON.stringify(spec));
}

/** About a megabyte each; the log in between is thrown away where nobody needs it. */
async function write({ sourceUrl }: Pick<TestPipeline, 'sourceUrl'>, megabytes: number) {
  for (let written = 0; written < megabytes; written += 16)
    await queryPostgres(
      sourceUrl,
      `INSERT INTO public.t (v) SELECT repeat(md5(n::text), 30) FROM generate_series(1, ${Math.min(16, megabytes) * 1_000}) n`,
    );
}

/** Also where the slot is gone already. */
async function expectResetLeavesNothing(pipeline: TestPipeline, named: 'name' | 'file') {
  const { code, stderr } = await weir.run(['reset', pipeline[named]], { env: env() });
  expect(code, stderr).toBe(0);
  expect(await countRows(pipeline.sourceUrl, slots)).toBe(0);
  expect(await countRows(pipeline.sourceUrl, 'SELECT count(*) FROM pg_publication')).toBe(0);
  const state = `SELECT count(*) FROM pg_namespace WHERE nspname = 'weir'`;
  expect(await countRows(pipeline.targetUrl, state)).toBe(0);
  const hub = await connectHub({ url: nats.url, name: 'test' });
  expect(await deletePipelineStreams(hub.control, pipeline.name)).toEqual([]);
  await hub.close();
}

const rows = (url: string): Promise<number> =>
  countRows(url, `SELECT count(*) FROM public.t`).catch(() => 0);

test('a stopped target: both pipelines warn; at the limit one gives up and says how to go on, one keeps', async () => {
  const stopping = await following(source, { limit: '96MB', onLimit: 'stop' });
  const keeping = await following(source, { limit: '96MB' });
  for (const { writer } of [stopping, keeping]) {
    writer.kill('SIGKILL');
    await writer.exited;
  }
  // Both are in one server, whose log holds what either writes.
  await write(stopping.pipeline, 80);
  for (const { pipeline, reader } of [stopping, keeping]) {
    await reader.waitForLine(/source log is filling up/);
    const status = await weir.run(['status', pipeline.name, '--json'], { env: env() });
    const [told] = (JSON.parse(status.stdout) as Status).pipelines;
    expect(told).toMatchObject({ ok: false });
    expect(told?.services[0]?.retention?.warning).toMatch(/holds back .* of at most 96 MB/);
  }

  await write(keeping.pipeline, 48);
  const { code, stderr } = await stopping.reader.exited;
  expect(code).toBe(1);
  expect(stderr).toMatch(/limit is 96 MB; .*was dropped.* committed after .*\/.* are lost/);
  expect(await countRows(stopping.pipeline.sourceUrl, slots)).toBe(0);
  // A later start says the same.
  stopping.start('target-writer');
  const again = await stopping.start('source-reader').exited;
  expect(again.stderr).toMatch(/weir: .*limit is 96 MB; .*was dropped/);
  // Whoever has only its name pauses it, so that a reader waits that knows the addresses.
  expect((await weir.run(['pause', stopping.pipeline.name], { env: env() })).code).toBe(0);
  const idle = stopping.start('source-reader');
  await expectResetLeavesNothing(stopping.pipeline, 'name');
  expect((await idle.exited).code).toBe(0);

  expect(keeping.reader.running).toBe(true);
  keeping.start('target-writer');
  const all = await rows(keeping.pipeline.sourceUrl);
  await waitFor('everything at the target', async () => {
    return (await rows(keeping.pipeline.targetUrl)) === all;
  });
  await keeping.reader.waitForLine(/source log is back within its limit/);
});

test('a slot that the server gives up stops the pipeline, which says what is lost', async () => {
  const { pipeline, reader, writer, start } = await following(smallSource);
  await reader.stop();
  await writer.stop();
  for (let i = 0; i < 12; i++) {
    await write(pipeline, 16);
    await queryPostgres(pipeline.sourceUrl, 'SELECT pg_switch_wal(); CHECKPOINT');
  }
  start('target-writer');
  const { code, stderr } = await start('source-reader').exited;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /weir: .*invalidated by the server.*changes committed after 0\/.*are gone/,
  );
  await expectResetLeavesNothing(pipeline, 'file');
});
