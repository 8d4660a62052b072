import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

interface Status {
  pipelines: {
    services: {
      service: string;
      report?: { unmet: number | null; namespaces: { namespace: string; unmet: number | null }[] };
    }[];
  }[];
}

async function unmet(name: string): Promise<Record<string, number | null | undefined>> {
  const { stdout } = await weir.run(['status', name, '--json']);
  const { services } = (JSON.parse(stdout) as Status).pipelines[0]!;
  const report = services.find(({ service }) => service === 'stats')?.report;
  const each = report?.namespaces.map(({ namespace, unmet: n }) => [namespace, n]);
  return Object.fromEntries([['all', report?.unmet], ...(each ?? [])]) as Record<string, number>;
}

/** Waits until the status says so. */
async function told(name: string, expected: Record<string, number | null>): Promise<void> {
  await waitFor('it is told', async () => {
    const now = await unmet(name);
    const isSame = Object.entries(expected).every(([what, n]) => now[what] === n);
    if (!isSame) throw new Error(JSON.stringify(now));
    return true;
  });
}

describe('changes that meet no row at the target', () => {
  it.each(['key', 'transaction'])(
    'are told per namespace, each once, however often the pipeline starts (order: %s)',
    async (order) => {
      const pipeline = await createPipeline(source, target, { order });
      const { sourceUrl, targetUrl } = pipeline;
      const wide = `(SELECT string_agg(md5(i::text || n), '') FROM generate_series(1, 200) n)`;
      await queryPostgres(
        sourceUrl,
        `CREATE TABLE t (id int PRIMARY KEY, v int, w text); CREATE TABLE other (id int PRIMARY KEY, v int);
         INSERT INTO t SELECT i, 0, ${wide} FROM generate_series(1, 10) i; INSERT INTO other VALUES (1, 1)`,
      );
      const first = weir.start(['run', pipeline.file]);
      await first.waitForLine(/streaming/);
      await queryPostgres(targetUrl, 'DELETE FROM t WHERE id <= 3');
      await queryPostgres(
        sourceUrl,
        `UPDATE t SET v = 1, w = 'short' WHERE id = 1; UPDATE t SET v = 1 WHERE id = 2; UPDATE t SET v = 2 WHERE id = 4;
         INSERT INTO t VALUES (11, 1, ''); DELETE FROM t WHERE id = 11; UPDATE other SET v = 2; DELETE FROM t WHERE id = 3`,
      );
      await told(pipeline.name, { all: 3, 'public.t': 3, 'public.other': 0 });
      const { stdout } = await weir.run(['status', pipeline.name]);
      expect(stdout).toMatch(/met no row/);
      first.kill('SIGKILL');
      await first.exited;
      const again = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
      expect(again.code, again.stderr).toBe(0);
      const rows = await queryPostgres(
        targetUrl,
        'SELECT sum(updates)::int AS updates, sum(deletes)::int AS deletes FROM weir.unmet',
      );
      expect(rows).toEqual([{ updates: 2, deletes: 1 }]);
    },
  );

  const TABLES = `CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE);
    INSERT INTO a SELECT i, i FROM generate_series(1, 5) i; INSERT INTO b SELECT i, i FROM generate_series(1, 5) i`;

  it('are not told as none where rows are left out in flight, or the target may have taken them itself', async () => {
    const filter = [{ on: ['public.a'], filter: 'row.v != 1' }];
    const pipelines = [
      { ...(await createPipeline(source, target, { transforms: filter })), says: { 'public.a': null, 'public.b': 1, all: 1 } }, // prettier-ignore
      { ...(await createPipeline(source, target, { order: 'transaction' })), says: { 'public.a': 1, 'public.b': null, all: 1 } }, // prettier-ignore
    ];
    for (const { name, file, sourceUrl, targetUrl, says } of pipelines) {
      await queryPostgres(sourceUrl, TABLES);
      const running = weir.start(['run', file]);
      await running.waitForLine(/streaming/);
      await queryPostgres(targetUrl, `DELETE FROM a WHERE id = 2`);
      await queryPostgres(sourceUrl, 'DELETE FROM a WHERE id < 4');
      await told(name, says);
      expect((await weir.run(['status', name])).stdout).toMatch(/met no row[^]*not known/);
      await running.stop();
    }
  });

  it('are not told as none where the target cannot know', async () => {
    const { name, file, sourceUrl } = await createPipeline(source, target);
    const folder = path.join(path.dirname(file), 'out');
    await writeFile(file, JSON.stringify({ name, source: { url: sourceUrl }, target: { url: `file:${folder}` } })); // prettier-ignore
    await queryPostgres(sourceUrl, TABLES);
    const running = weir.start(['run', file]);
    await running.waitForLine(/streaming/);
    await queryPostgres(sourceUrl, 'DELETE FROM a WHERE id < 4');
    await told(name, { all: null, 'public.a': null });
    expect((await weir.run(['status', name])).stdout).toMatch(/met no row[^]*not known/);
    await running.stop();
  });
});
