import { expect, test } from 'vitest';
import { dumpTables } from '../support/psql.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

test('with mode: changes a target that holds the rows already is taken, and follows from then on', async () => {
  const pipeline = await createPipeline(source, target, { mode: 'changes' });
  const { sourceUrl, targetUrl } = pipeline;
  for (const url of [sourceUrl, targetUrl])
    await queryPostgres(
      url,
      "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'a' FROM generate_series(1, 20) i",
    );
  // Tables are the superuser's, as those that a restore has made.
  const grant = `ALTER TABLE t OWNER TO ${new URL(pipeline.sourceUrl).username}`;
  for (const url of [sourceUrl, targetUrl]) await queryPostgres(url, grant);
  for (const change of ["UPDATE t SET v = 'b' WHERE id < 9", 'DELETE FROM t WHERE id = 20']) {
    const { code, stderr } = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
    expect(code, stderr).toBe(0);
    expect(await dumpTables(targetUrl, ['t'])).toEqual(await dumpTables(sourceUrl, ['t']));
    await queryPostgres(sourceUrl, change);
  }
});

test('with a copy a target that holds rows is refused by the check', async () => {
  const pipeline = await createPipeline(source, target);
  for (const url of [pipeline.sourceUrl, pipeline.targetUrl])
    await queryPostgres(url, 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
  const { code, stdout, stderr } = await weir.run(['check', pipeline.file]);
  expect(code).toBe(1);
  expect(stdout + stderr).toMatch(/holds rows already; empty it/);
});
