import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dumpTables } from '../support/psql.ts';
import {
  leaveOut,
  majorVersion,
  queryPostgres,
  usePostgres,
  useTargetPostgres,
} from '../support/servers.ts';
import { countRows, createPipeline, type TestPipeline } from '../support/shop-pipeline.ts';
import { SinkPipeline } from '../support/sink-pipeline.ts';
import { SourcePipeline } from '../support/source-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

/** Every statement that the server is asked for, in one file. */
const LOGGED = {
  logging_collector: 'on',
  log_directory: 'log',
  log_filename: 'statements.log',
  log_statement: 'all',
};
const source = usePostgres({ settings: LOGGED });
const target = useTargetPostgres({ settings: LOGGED });
const weir = useWeir();

const statementsOf = async (server: typeof source): Promise<string> =>
  readFile(path.join(server.server.dataDirectory, 'log', 'statements.log'), 'utf8');

/** Until what was committed last has come, told by a row of its own. */
async function arrives({ sourceUrl, targetUrl }: TestPipeline, id: number): Promise<void> {
  await queryPostgres(sourceUrl, `INSERT INTO marks VALUES (${id})`);
  await waitFor(`mark ${id}`, async () => {
    const found = await queryPostgres(targetUrl, `SELECT FROM marks WHERE id = ${id}`);
    return found.length > 0;
  });
}

/** A parent, its child and that one's child, and the same of rows without a key. */
const TREE = `CREATE TABLE marks (id int PRIMARY KEY);
  CREATE TABLE par (id int PRIMARY KEY, v text, big text);
  CREATE TABLE ch (extra int, PRIMARY KEY (id)) INHERITS (par);
  CREATE TABLE gch (more int, PRIMARY KEY (id)) INHERITS (ch);
  CREATE TABLE loose (v int); CREATE TABLE looser (w int) INHERITS (loose);
  ALTER TABLE loose REPLICA IDENTITY FULL; ALTER TABLE looser REPLICA IDENTITY FULL;
  ALTER TABLE par ALTER big SET STORAGE EXTERNAL; ALTER TABLE ch ALTER big SET STORAGE EXTERNAL`;
const ROWS = `INSERT INTO par SELECT i, 'p', repeat('p', 9000) FROM generate_series(1, 300) i;
  INSERT INTO ch SELECT i, 'c', repeat('c', 9000), i FROM generate_series(1, 300) i;
  INSERT INTO gch SELECT i, 'g', 'g', i, i FROM generate_series(1, 300) i;
  INSERT INTO loose VALUES (1), (1), (2); INSERT INTO looser VALUES (1, 1), (2, 2)`;
const TABLES = ['ONLY par', 'ONLY ch', 'gch', 'ONLY loose', 'looser'];

/** Few and many of each kind; rows of all three tables have the same keys. */
const CHANGES = [
  `DELETE FROM ONLY par WHERE id = 1; UPDATE ONLY par SET v = 'few' WHERE id = 2; INSERT INTO par VALUES (301, 'few', 'x')`,
  `DELETE FROM ONLY par WHERE id BETWEEN 10 AND 99; UPDATE ONLY par SET v = 'many' WHERE id > 99;
   INSERT INTO par SELECT i, 'many', 'x' FROM generate_series(400, 499) i`,
  `UPDATE ONLY par SET id = id + 1000 WHERE id BETWEEN 100 AND 105; UPDATE ONLY ch SET id = id + 1000 WHERE id = 200`,
  `DELETE FROM ONLY loose WHERE v = 1; UPDATE ONLY loose SET v = 3 WHERE v = 2`,
  `DELETE FROM ch WHERE id = 7; UPDATE ONLY ch SET v = 'child' WHERE id < 5`,
];

/** The table is named for its rows, and not with ONLY. */
const REACHES_CHILDREN =
  /(?:\b(?:FROM|JOIN|USING|UPDATE|TRUNCATE)|,) +"public"\."(?:par|ch|loose)"/;

describe('tables that others inherit from', () => {
  it.each(['key', 'transaction'])(
    'keep their rows apart, whatever changes, with order: %s, and no statement is about those of others',
    async (order) => {
      const pipeline = await createPipeline(source, target, { order, onBadRow: order === 'key' ? 'park' : 'stop' }); // prettier-ignore
      const { name, sourceUrl, targetUrl } = pipeline;
      await queryPostgres(sourceUrl, `${TREE}; ${ROWS}`);
      await queryPostgres(targetUrl, TREE);
      const running = weir.start(['run', pipeline.file]);
      await running.waitForLine(/streaming/);
      for (const [i, changes] of CHANGES.entries()) {
        await queryPostgres(sourceUrl, changes);
        await arrives(pipeline, i);
      }
      const equal = async (): Promise<void> =>
        expect(await dumpTables(targetUrl, TABLES)).toEqual(await dumpTables(sourceUrl, TABLES));
      await equal();
      if (order === 'key') {
        await queryPostgres(targetUrl, `ALTER TABLE ONLY par ADD CONSTRAINT odd CHECK (v <> 'odd') NO INHERIT`); // prettier-ignore
        await queryPostgres(sourceUrl, `UPDATE ONLY par SET v = 'odd' WHERE id = 2; UPDATE ONLY par SET big = 'y' WHERE id = 2`); // prettier-ignore
        await arrives(pipeline, 10);
        await queryPostgres(targetUrl, 'ALTER TABLE ONLY par DROP CONSTRAINT odd');
        const replay = await weir.run(['parked', 'replay', name, '--all']);
        expect(replay.code, replay.stderr).toBe(0);
        await equal();
      }
      await queryPostgres(sourceUrl, `TRUNCATE ONLY par; TRUNCATE ONLY loose; INSERT INTO par VALUES (1, 'again', 'x')`); // prettier-ignore
      await arrives(pipeline, 20);
      await equal();
      const verify = await weir.run(['verify', pipeline.file]);
      expect(verify.code, verify.stdout + verify.stderr).toBe(0);
      await running.stop();
      for (const server of [source, target])
        expect(REACHES_CHILDREN.exec(await statementsOf(server))).toBeNull();
    },
  );
});

/** Whoever reads of a table of that server fails. */
const PARTITIONS = `CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
  CREATE TABLE p (id int, v text) PARTITION BY RANGE (id);
  CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
  CREATE UNLOGGED TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200);
  CREATE FOREIGN TABLE p3 PARTITION OF p FOR VALUES FROM (200) TO (300) SERVER nowhere;
  ALTER TABLE p REPLICA IDENTITY FULL; ALTER TABLE p1 REPLICA IDENTITY FULL;
  INSERT INTO p SELECT i, 'x' FROM generate_series(1, 150) i`;

describe('partitions whose rows the log does not have', () => {
  it('are left out by name, as tables of their kind are, and neither copied, followed nor compared', async () => {
    const pipeline = await createPipeline(source, target);
    const { sourceUrl, targetUrl } = pipeline;
    await queryPostgres(sourceUrl, PARTITIONS);
    const check = await weir.run(['check', pipeline.file]);
    expect(check.code, check.stdout).toBe(0);
    expect(check.stdout).toMatch(
      /public\.p: The partition public\.p2 is unlogged.* ALTER TABLE "public"."p2" SET LOGGED/,
    );
    expect(check.stdout).toMatch(/public\.p: The partition public\.p3 is a foreign table/);
    const run = ['run', pipeline.file, '--until', 'caught-up'];
    expect((await weir.run(run)).code).toBe(0);
    await queryPostgres(sourceUrl, `INSERT INTO p VALUES (160, 'new'), (0, 'new'); UPDATE p1 SET v = 'changed' WHERE id < 10; DELETE FROM p2 WHERE id = 106`); // prettier-ignore
    const last = await weir.run([...run, '--verify']);
    expect(last.code, last.stdout + last.stderr).toBe(0);
    expect(last.stderr).toMatch(/p2 is unlogged/);
    expect(await dumpTables(targetUrl, ['p'])).toEqual(await dumpTables(sourceUrl, ['p1']));
  });

  it('are told of when they appear while changes are followed, and stop it when their rows are at the target', async () => {
    const sourceUrl = await source.createDatabase();
    await queryPostgres(sourceUrl, PARTITIONS);
    const reader = new SourcePipeline(sourceUrl, { mode: 'snapshot' });
    const writer = await SinkPipeline.create(sourceUrl, await target.createDatabase());
    onTestFinished(async () => void (await Promise.all([reader.close(), writer.close()])));
    await reader.open();
    await reader.copy();
    await writer.start();
    const { sink } = writer;
    const pass = async (): Promise<void> =>
      sink.writeSideState(await reader.session!.sideState?.());
    await pass();
    expect(sink.warnings?.()).toEqual([]);
    await queryPostgres(sourceUrl, `CREATE UNLOGGED TABLE p4 PARTITION OF p FOR VALUES FROM (300) TO (400); INSERT INTO p VALUES (350, 'x');
      CREATE FOREIGN TABLE p5 PARTITION OF p FOR VALUES FROM (400) TO (500) SERVER nowhere`); // prettier-ignore
    await pass();
    await pass();
    expect(sink.warnings?.()).toEqual([
      expect.stringMatching(/public\.p4 is unlogged/),
      expect.stringMatching(/public\.p5 is a foreign table/),
    ]);
    await queryPostgres(sourceUrl, 'ALTER TABLE p1 SET UNLOGGED');
    await expect(pass()).rejects.toMatchObject({
      code: 'SCHEMA_CHANGED',
      message: expect.stringMatching(/public\.p1 has become unlogged.*"p1" SET LOGGED/) as string,
    });
  });

  it('stop the pipeline when their rows are at the target, also where the table got a column with it', async () => {
    const { file, sourceUrl, targetUrl } = await createPipeline(source, target);
    await queryPostgres(sourceUrl, PARTITIONS);
    const running = weir.start(['run', file]);
    await running.waitForLine(/copy is in the target/);
    await queryPostgres(
      sourceUrl,
      `BEGIN; ALTER TABLE p ADD w int DEFAULT 7; ALTER TABLE p1 SET UNLOGGED; COMMIT; INSERT INTO p VALUES (1, 'unsent', 8)`,
    );
    // The column comes first, and what is noted of the table then must not take its partitions as they are by now.
    const added = `SELECT count(*) FROM pg_attribute WHERE attrelid = 'p'::regclass AND attname = 'w'`;
    await waitFor('the column', async () => (await countRows(targetUrl, added)) === 1);
    const unlogged = /public\.p1 has become unlogged.*"p1" SET LOGGED/;
    const { code, stderr } = await running.exited;
    expect(stderr).toMatch(unlogged);
    expect(code).not.toBe(0);
    expect((await weir.run(['run', file, '--until', 'caught-up'])).stderr).toMatch(unlogged);
  });

  it('leave a table out as a whole where it is declared unlogged itself', async () => {
    const version = await majorVersion(source.url);
    if (version >= 18) return void leaveOut(version, 'unlogged partitioned tables', 'it refuses them'); // prettier-ignore
    const url = await source.createDatabase();
    await queryPostgres(url, 'CREATE TABLE t (id int PRIMARY KEY); CREATE UNLOGGED TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id)'); // prettier-ignore
    const reader = new SourcePipeline(url);
    onTestFinished(() => reader.close());
    const plan = await reader.open();
    expect(plan.namespaces.map(({ relation }) => relation.namespace)).toEqual(['public.t']);
  });
});
