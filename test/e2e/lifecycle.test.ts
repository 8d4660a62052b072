import { readFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { writeRunFile } from '../../services/supervisor/run-file.ts';
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

    // Another run on this machine, whose server has gone just now.
    const other = await writeRunFile({ pipeline: 'ending', pid: process.pid, natsUrl: 'nats://127.0.0.1:1' }); // prettier-ignore
    onTestFinished(other);
    expect(await weir.run(['pause', name])).toMatchObject({ code: 0, stderr: '' });
    for (const command of ['pause', 'reset'])
      expect((await weir.run([command, 'nobody'])).stderr).toMatch(/no target-writer .*answers/);
    expect((await weir.run(['parked', 'list', 'nobody'])).stderr).toMatch(/no target-writer of nobody answers/); // prettier-ignore
    await other();
    await running.waitForLine(/: paused/);
    await insert(2);
    // A pause outlives the processes.
    expect((await running.stop()).code).toBe(0);
    const again = weir.start(['run', pipeline.file]);
    await again.waitForLine(/: paused/);
    expect(await countRows(targetUrl, 'SELECT count(*) FROM public.t')).toBe(1);

    expect((await weir.run(['resume', name])).code).toBe(0);
    await arrived(2);

    // Two people at once: the pipeline stops once. Who comes when it has is told that nobody is there any more.
    const stops = await Promise.all([weir.run(['stop', name]), weir.run(['stop', name])]);
    const late = stops.filter(({ code }) => code !== 0);
    expect(late.length, late.map(({ stderr }) => stderr).join()).toBeLessThan(2);
    for (const { stderr } of late)
      expect(stderr).toMatch(/no target-writer of .* answers|no pipeline runs|cannot be reached/);
    const ended = await again.exited;
    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/stopped, as requested/);

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
