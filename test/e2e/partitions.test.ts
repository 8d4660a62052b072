import { describe, expect, it } from 'vitest';
import { dumpQuery, dumpTable } from '../support/psql.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline, type TestPipeline } from '../support/shop-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

const SCHEMA = `CREATE TABLE parts (id int, part int, v text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
  CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
  INSERT INTO parts SELECT i, 1 + i % 2, 'v' FROM generate_series(1, 10) i`;

async function catchUp(pipeline: TestPipeline): Promise<string> {
  const run = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
  expect(run.code, run.stderr).toBe(0);
  return run.stderr;
}

const verify = async (pipeline: TestPipeline): Promise<number | null> =>
  (await weir.run(['verify', pipeline.file])).code;

describe('partitions, of which the log does not speak', () => {
  it('are made when they appear; one that brings rows stops the pipeline with what to do, and it goes on when that is done', async () => {
    const pipeline = await createPipeline(source, target);
    await queryPostgres(pipeline.sourceUrl, SCHEMA);
    const running = weir.start(['run', pipeline.file]);
    await running.waitForLine(/streaming/);
    await queryPostgres(
      pipeline.sourceUrl,
      `BEGIN; CREATE TABLE fresh PARTITION OF parts FOR VALUES IN (3); INSERT INTO parts VALUES (30, 3, 'fresh'); COMMIT;
       CREATE TABLE empty (id int NOT NULL, part int NOT NULL, v text, PRIMARY KEY (id, part));
       ALTER TABLE parts ATTACH PARTITION empty FOR VALUES IN (4); INSERT INTO parts VALUES (40, 4, 'empty')`,
    );
    await expect
      .poll(() => dumpTable(pipeline.targetUrl, 'parts'), { timeout: 60_000 })
      .toEqual(await dumpTable(pipeline.sourceUrl, 'parts'));
    await queryPostgres(
      pipeline.sourceUrl,
      `BEGIN; CREATE TABLE full_one (id int NOT NULL, part int NOT NULL, v text, PRIMARY KEY (id, part));
       INSERT INTO full_one VALUES (50, 5, 'before'); ALTER TABLE parts ATTACH PARTITION full_one FOR VALUES IN (5); COMMIT;
       INSERT INTO parts VALUES (51, 5, 'after')`,
    );
    const stopped = await running.exited;
    expect(stopped.code).toBe(1);
    expect(stopped.stderr).toMatch(/public\.full_one was attached to public\.parts .* with rows/);
    const statement = /CREATE TABLE [^;]*?"full_one" PARTITION OF [^;]*/.exec(stopped.stderr)?.[0];
    expect(statement, stopped.stderr).toBeDefined();
    await queryPostgres(pipeline.targetUrl, statement!);
    await queryPostgres(
      pipeline.targetUrl,
      `INSERT INTO full_one VALUES (50, 5, 'before'), (51, 5, 'after')`,
    );
    await queryPostgres(pipeline.sourceUrl, `UPDATE parts SET v = v || '!' WHERE part = 5`);
    await catchUp(pipeline);
    expect(await dumpTable(pipeline.targetUrl, 'parts')).toEqual(
      await dumpTable(pipeline.sourceUrl, 'parts'),
    );
    expect(await verify(pipeline)).toBe(0);
  });

  it('are told of when they go, until the target has let go of them too', async () => {
    const pipeline = await createPipeline(source, target);
    await queryPostgres(pipeline.sourceUrl, SCHEMA);
    expect(await catchUp(pipeline)).not.toMatch(/no longer a partition/);
    await queryPostgres(pipeline.sourceUrl, 'DROP TABLE parts_2');
    const told = await catchUp(pipeline);
    expect(told).toMatch(/public\.parts_2 is no longer a partition of public\.parts/);
    expect(await verify(pipeline)).toBe(1);
    const statement = /ALTER TABLE [^,]*? DETACH PARTITION [^,]*/.exec(told)?.[0];
    await queryPostgres(pipeline.targetUrl, statement!.replaceAll('\\"', '"'));
    expect(await catchUp(pipeline)).not.toMatch(/no longer a partition/);
    expect(await verify(pipeline)).toBe(0);
    const names = `SELECT p ->> 'name' FROM weir.namespace, jsonb_array_elements(definition -> 'partitions') p WHERE namespace = 'public.parts'`;
    expect(await dumpQuery(pipeline.targetUrl, names)).toEqual(['parts_1']);
  });
});
