import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { countRows, createPipeline } from '../support/shop-pipeline.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = usePostgres();
const weir = useWeir();

describe('the life of a pipeline', () => {
  it('pauses, resumes where it was, and stops, as another process asks for it', async () => {
    const pipeline = await createPipeline(source, target);
    const { name, sourceUrl, targetUrl } = pipeline;
    await queryPostgres(sourceUrl, 'CREATE TABLE public.t (id int PRIMARY KEY)');
    const insert = (id: number) => queryPostgres(sourceUrl, `INSERT INTO public.t VALUES (${id})`);
    const arrived = (id: number) =>
      expect
        .poll(() => countRows(targetUrl, `SELECT count(*) FROM public.t WHERE id = ${id}`), {
          timeout: 30_000,
        })
        .toBe(1);

    const running = weir.start(['run', pipeline.file]);
    await running.waitForLine(/streaming/);
    await insert(1);
    await arrived(1);

    expect((await weir.run(['pause', name])).code).toBe(0);
    await running.waitForLine(/: paused/);
    await insert(2);
    // A pause outlives the processes.
    expect((await running.stop()).code).toBe(0);
    const again = weir.start(['run', pipeline.file]);
    await again.waitForLine(/: paused/);
    expect(await countRows(targetUrl, 'SELECT count(*) FROM public.t')).toBe(1);

    expect((await weir.run(['resume', name])).code).toBe(0);
    await arrived(2);

    // Two people at once: both are heard, and the pipeline stops once.
    const stops = await Promise.all([weir.run(['stop', name]), weir.run(['stop', name])]);
    expect(stops.map((stop) => stop.code)).toEqual([0, 0]);
    const ended = await again.exited;
    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/stopped as wanted/);

    await insert(3);
    const file = `${pipeline.file}.report.json`;
    const last = await weir.run(['run', pipeline.file, '--until', 'caught-up', '--verify', '--report', file]); // prettier-ignore
    expect(last.code, last.stderr).toBe(0);
    expect(last.stdout).toMatch(/caught up after \d+ s\n {2}copied/);
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      pipeline: name,
      outcome: 'caught-up',
      applied: { inserts: 3, updates: 0, deletes: 0, truncates: 0 },
      balanced: true,
      parkedEntries: 0,
      namespaces: [{ namespace: 'public.t', applied: { inserts: 3 } }],
      verification: { equal: true, rows: 3 },
    });
    expect(await countRows(targetUrl, 'SELECT count(*) FROM public.t')).toBe(3);
  });

  it('says what is missing when a pipeline that does not run is asked for something', async () => {
    const { code, stderr } = await weir.run(['pause', 'not-there']);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/not-there/);
  });
});
