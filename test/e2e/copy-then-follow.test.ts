import { describe, expect, it } from 'vitest';
import { createShop } from '../../infra/demo/shop.ts';
import { startWorkload } from '../../infra/demo/workload.ts';
import { usePostgres, useTargetPostgres, queryPostgres } from '../support/servers.ts';
import {
  countRows,
  createPipeline,
  expectShopEqual,
  rowsWritten,
} from '../support/shop-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

const ROWS = 60_000;
const WIDE = 100_000;
const doneChunks = (url: string) => countRows(url, 'SELECT count(*) FROM weir.chunk WHERE done');

describe('a pipeline from PostgreSQL to PostgreSQL', () => {
  it('copies while changes flow, follows them, and ends equal row by row', async () => {
    const pipeline = await createPipeline(source, target);
    await createShop(pipeline.sourceUrl, ROWS);
    const workload = await startWorkload(pipeline.sourceUrl, {
      ratePerSecond: 500,
      seed: 1,
      largeTransaction: { rows: 20_000, afterMs: 2_000 },
    });
    const running = weir.start(['run', pipeline.file]);
    await running.waitForLine(/streaming/);
    await untilMoreApplied(pipeline.targetUrl, 1_000);
    await workload.stop();
    expect((await running.stop()).code).toBe(0);

    const caughtUp = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
    expect(caughtUp.stderr).not.toMatch(/"level":(50|60)/);
    expect(caughtUp.code, caughtUp.stderr).toBe(0);
    await expectShopEqual(pipeline);

    const verified = await weir.run(['verify', pipeline.file]);
    expect(verified.code, verified.stdout).toBe(0);
  });

  it('survives the kill of everything in the middle of the copy, and copies nothing twice but a chunk per reader', async () => {
    const pipeline = await createPipeline(source, target, { readers: 2 });
    await queryPostgres(
      pipeline.sourceUrl,
      `CREATE TABLE public.wide (id bigint PRIMARY KEY, seat integer UNIQUE, filler text);
       INSERT INTO public.wide SELECT i, i, repeat(md5(i::text), 32) FROM generate_series(1, ${WIDE}) i`,
    );
    const first = weir.start(['run', pipeline.file]);
    await waitFor(
      'a chunk is in the target',
      async () => (await doneChunks(pipeline.targetUrl)) >= 1,
    );
    first.kill('SIGKILL');
    await first.exited;
    // The services notice that their supervisor is gone and stop; none of them writes any more.
    await waitFor(
      'the services of the killed run have ended',
      async () =>
        (await countRows(
          target.url,
          `SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'weir%'`,
        )) === 0,
    );
    const before = await doneChunks(pipeline.targetUrl);
    const total = await countRows(pipeline.targetUrl, 'SELECT count(*) FROM weir.chunk');
    expect(before).toBeLessThan(total);
    // While the copy is down, rows move to other pages with their large values untouched, and unique values move
    // between rows that were copied and rows that were not.
    await queryPostgres(
      pipeline.sourceUrl,
      `UPDATE public.wide SET id = -id WHERE id IN (7, ${WIDE - 1});
       UPDATE public.wide SET seat = -1 WHERE id = 5;
       UPDATE public.wide SET seat = 5 WHERE id = ${WIDE - 10};
       UPDATE public.wide SET seat = ${WIDE - 10} WHERE id = 5;
       UPDATE public.wide SET seat = -2 WHERE id = 5;
       INSERT INTO public.wide VALUES (300000, ${WIDE - 10}, 'takes the seat')`,
    );

    const second = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
    expect(second.code, second.stderr).toBe(0);
    const perChunk = WIDE / total;
    const written = await waitFor('the statistics have arrived', async () => {
      const n = await rowsWritten(pipeline.targetUrl, 'public', 'wide');
      return n >= WIDE ? n : undefined;
    });
    // Two readers, each at most a chunk again; and the rows that changed, each a few times.
    expect(written).toBeLessThanOrEqual(WIDE + 2 * Math.ceil(perChunk * 1.1) + 30);
    const [unique] = await queryPostgres(
      pipeline.targetUrl,
      `SELECT conname FROM pg_constraint WHERE conrelid = 'public.wide'::regclass AND contype = 'u'`,
    );
    expect(unique).toEqual({ conname: 'wide_seat_key' });
    const verified = await weir.run(['verify', pipeline.file]);
    expect(verified.code, verified.stdout).toBe(0);
    // Changes of rows whose chunk was not in yet are none that met no row.
    expect(await unmetChanges(pipeline.targetUrl)).toBe(0);
  });

  it('shares the lanes between two writers, survives the kill of one, and goes on where it was after a restart', async () => {
    const pipeline = await createPipeline(source, target, { writers: 2 });
    await createShop(pipeline.sourceUrl, 5_000);
    const workload = await startWorkload(pipeline.sourceUrl, { ratePerSecond: 400, seed: 3 });
    const running = weir.start(['run', pipeline.file]);
    const status = async () => {
      const { stdout } = await weir.run(['status', pipeline.name, '--json']);
      const report = JSON.parse(stdout) as {
        pipelines: { services: { service: string; lanes?: number[]; pid: number }[] }[];
      };
      return (report.pipelines[0]?.services ?? []).filter((s) => s.service === 'target-writer');
    };
    const writers = await waitFor('each writer has half of the lanes', async () => {
      const found = await status();
      return found.length === 2 && found.every((w) => w.lanes?.length === 2) ? found : undefined;
    });
    expect(writers.flatMap((w) => w.lanes ?? []).sort()).toEqual([0, 1, 2, 3]);

    process.kill(writers[0]!.pid, 'SIGKILL');
    await waitFor(
      'a writer took its place',
      async () => {
        const found = (await status()).filter((w) => w.pid !== writers[0]!.pid);
        return found.length === 2 && found.flatMap((w) => w.lanes ?? []).length === 4;
      },
      { timeoutMs: 60_000 },
    );
    await untilMoreApplied(pipeline.targetUrl);
    expect((await running.stop()).code).toBe(0);

    const again = weir.start(['run', pipeline.file]);
    await untilMoreApplied(pipeline.targetUrl);
    again.kill('SIGKILL');
    await again.exited;
    await workload.stop();
    const last = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
    expect(last.code, last.stderr).toBe(0);
    await expectShopEqual(pipeline);
    expect(await unmetChanges(pipeline.targetUrl)).toBe(0);
  });
});

function unmetChanges(url: string): Promise<number> {
  return countRows(url, 'SELECT coalesce(sum(updates + deletes), 0) FROM weir.unmet');
}

function appliedChanges(url: string): Promise<number> {
  return countRows(url, 'SELECT coalesce(sum(inserts + updates + deletes), 0) FROM weir.count');
}

async function untilMoreApplied(url: string, changes = 1): Promise<void> {
  const before = await appliedChanges(url);
  await waitFor('changes are applied', async () => (await appliedChanges(url)) >= before + changes);
}
