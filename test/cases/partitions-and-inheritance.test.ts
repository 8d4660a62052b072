import { isDeepStrictEqual } from 'node:util';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkedPair } from '../support/checked-pair.ts';
import { dumpQuery, dumpTables } from '../support/psql.ts';
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
const TABLES = ['par', 'ONLY par', 'ch', 'ONLY ch', 'gch', 'loose', 'ONLY loose', 'looser'];

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

/** A parent that is made after its child, several parents, defaults and checks of either, what comes after the copy. */
const PARENTS = `CREATE TABLE a_child (w int); CREATE TABLE parent (id serial PRIMARY KEY, v text DEFAULT 'x' NOT NULL CHECK (v <> 'y'), g int GENERATED ALWAYS AS (3) STORED);
  CREATE TABLE other (z int DEFAULT nextval('parent_id_seq'), u int); CREATE TABLE child (w int UNIQUE) INHERITS (other, parent);
  ALTER TABLE a_child ADD v text DEFAULT 'own', ADD id int NOT NULL, ADD g int GENERATED ALWAYS AS (3) STORED,
    ADD CONSTRAINT parent_v_check CHECK (v <> 'y'), ALTER v SET NOT NULL, ALTER w SET DEFAULT 1;
  CREATE TABLE grandchild (y int) INHERITS (child); ALTER TABLE a_child INHERIT parent;
  ALTER TABLE parent ADD CONSTRAINT late CHECK (v <> 'z') NOT VALID; ALTER TABLE ONLY other ADD CHECK (u > 0) NO INHERIT`;

/** Who inherits from whom, and what each table has, whether from a parent or its own. */
const INHERITED = [
  `SELECT inhrelid::regclass, inhseqno, inhparent::regclass FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid AND c.relkind = 'r' ORDER BY 1, 2`,
  `SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attgenerated, attinhcount, pg_get_expr(adbin, adrelid)
   FROM pg_attribute JOIN pg_class c ON c.oid = attrelid AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
   LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attnum > 0 ORDER BY 1, 2`,
  `SELECT conrelid::regclass, conname, coninhcount, connoinherit, pg_get_constraintdef(oid) FROM pg_constraint
   WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY 1, 2`,
];

const inherited = async (url: string): Promise<string[][]> => {
  const found: string[][] = [];
  for (const sql of INHERITED) found.push(await dumpQuery(url, sql));
  return found;
};

describe('tables that others inherit from', () => {
  it('inherit from each other at the target as they do at the source, and so again where one is made anew', async () => {
    const sourceUrl = await source.createDatabase();
    const targetUrl = await target.createDatabase();
    await queryPostgres(sourceUrl, PARENTS);
    const writer = await SinkPipeline.create(sourceUrl, targetUrl);
    onTestFinished(() => writer.close());
    await writer.start();
    const atSource = await inherited(sourceUrl);
    expect(atSource[0]).toHaveLength(4);
    expect(await inherited(targetUrl)).toEqual(atSource);
    await queryPostgres(targetUrl, `ALTER TABLE child NO INHERIT parent; ALTER TABLE a_child NO INHERIT parent; ALTER SEQUENCE parent_id_seq OWNED BY NONE; DROP TABLE parent; DELETE FROM weir.namespace WHERE namespace = 'public.parent'`); // prettier-ignore
    await writer.start();
    const [tree] = await inherited(targetUrl);
    const pairs = (lines: readonly string[]) => lines.map((line) => line.replace(/\t\d+\t/, ' ')).sort(); // prettier-ignore
    expect(pairs(tree!)).toEqual(pairs(atSource[0]!));
  });

  it('are told by check where they inherit otherwise at the target, with what mends it', async () => {
    const { targetUrl, check } = await checkedPair(source, target, {
      atSource: 'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (v int, PRIMARY KEY (id)) INHERITS (a); CREATE TABLE c (id int PRIMARY KEY)', // prettier-ignore
      atTarget: 'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, v int); CREATE TABLE c (PRIMARY KEY (id)) INHERITS (a)', // prettier-ignore
    });
    const told = await check();
    expect(told).toEqual([expect.stringMatching(/^warning public\.b: it does not inherit from public\.a/), expect.stringMatching(/^warning public\.c: it inherits from public\.a .*not at the source/)]); // prettier-ignore
    for (const each of told) await queryPostgres(targetUrl, each.split('run at the target: ')[1]!);
    expect(await check()).toEqual([]);
  });

  it.each(['key', 'transaction'])(
    'keep their rows apart, whatever changes, with order: %s, and no statement is about those of others',
    async (order) => {
      const pipeline = await createPipeline(source, target, { order, onBadRow: order === 'key' ? 'park' : 'stop' }); // prettier-ignore
      const { name, sourceUrl, targetUrl } = pipeline;
      await queryPostgres(sourceUrl, `${TREE}; ${ROWS}`);
      // Or Weir makes them.
      if (order === 'key') await queryPostgres(targetUrl, TREE);
      const running = weir.start(['run', pipeline.file]);
      await running.waitForLine(/streaming/);
      for (const [i, changes] of CHANGES.entries()) {
        await queryPostgres(sourceUrl, changes);
        await arrives(pipeline, i);
      }
      // The mark may come by another lane than the rows.
      const equal = async (): Promise<void> => {
        const rows = (): Promise<string[][]> => dumpTables(targetUrl, TABLES);
        const wanted = await dumpTables(sourceUrl, TABLES);
        const isThere = async (): Promise<boolean> => isDeepStrictEqual(await rows(), wanted);
        await waitFor('the rows to arrive', isThere).catch(() => undefined);
        expect(await rows()).toEqual(wanted);
      };
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
