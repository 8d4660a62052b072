import { describe, expect, it } from 'vitest';
import { dumpQuery, dumpTables } from '../support/psql.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline, type TestPipeline } from '../support/shop-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

async function expectEqual(pipeline: TestPipeline, tables: readonly string[]): Promise<void> {
  const left = await dumpTables(pipeline.sourceUrl, tables);
  const right = await dumpTables(pipeline.targetUrl, tables);
  for (const [i, table] of tables.entries()) expect(right[i], table).toEqual(left[i]);
}

async function catchUp(pipeline: TestPipeline) {
  const { code, stderr } = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
  expect(code, stderr).toBe(0);
}

const SCHEMA = `
CREATE TABLE keyed (id int PRIMARY KEY, v text, large text);
ALTER TABLE keyed ALTER large SET STORAGE EXTERNAL;
CREATE TABLE moved (id int PRIMARY KEY, large text);
ALTER TABLE moved ALTER large SET STORAGE EXTERNAL;
CREATE TABLE by_index (a int NOT NULL, b text NOT NULL, v int);
CREATE UNIQUE INDEX by_index_key ON by_index (b, a);
ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_key;
CREATE TABLE whole (v int, t text, j json, large text);
ALTER TABLE whole ALTER large SET STORAGE EXTERNAL;
ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE keyed_full (id int PRIMARY KEY, v text, large text);
ALTER TABLE keyed_full ALTER large SET STORAGE EXTERNAL;
ALTER TABLE keyed_full REPLICA IDENTITY FULL;
CREATE TABLE only_inserts (line text);
CREATE TABLE parted (id int, day date, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE parted_b PARTITION OF parted FOR VALUES FROM ('2024-07-01') TO ('2025-01-01');
CREATE TABLE emptied (id int PRIMARY KEY);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE);
CREATE TABLE numbered (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, s serial, v int,
  twice int GENERATED ALWAYS AS (v * 2) STORED);
CREATE SCHEMA "odd.Schema";
CREATE TABLE "odd.Schema"."Select ""me"", pl.ease" ("Key col" int PRIMARY KEY, "order" text, "ünïcödé; --" text);
`;

const TABLES = [
  'keyed',
  'moved',
  'by_index',
  'whole',
  'keyed_full',
  'only_inserts',
  'parted',
  'emptied',
  'parent',
  'child',
  'numbered',
  '"odd.Schema"."Select ""me"", pl.ease"',
];

const ROWS = `
INSERT INTO keyed SELECT i, 'v' || i, repeat(md5(i::text), 200) FROM generate_series(1, 200) i;
INSERT INTO moved SELECT i, repeat(md5(i::text), 100) FROM generate_series(1, 5000) i;
INSERT INTO by_index SELECT i, 'b' || i % 7, i FROM generate_series(1, 200) i;
INSERT INTO whole SELECT i % 5, NULL, '{"a": 1}', repeat(md5((i % 5)::text), 200) FROM generate_series(1, 50) i;
INSERT INTO keyed_full SELECT i, 'v', repeat(md5(i::text), 200) FROM generate_series(1, 200) i;
INSERT INTO only_inserts SELECT 'same' FROM generate_series(1, 10);
INSERT INTO parted SELECT i, '2024-01-01'::date + i, 'v' FROM generate_series(0, 300) i;
INSERT INTO emptied SELECT generate_series(1, 100);
INSERT INTO parent SELECT generate_series(1, 100);
INSERT INTO child SELECT i, i FROM generate_series(1, 100) i;
INSERT INTO numbered (v) SELECT generate_series(1, 100);
INSERT INTO "odd.Schema"."Select ""me"", pl.ease" SELECT i, 'o', 'ü' FROM generate_series(1, 20) i;
`;

const CHANGES = `
UPDATE keyed SET v = 'changed' WHERE id % 3 = 0;
UPDATE keyed SET id = id + 1000 WHERE id % 5 = 0;
UPDATE keyed SET large = 'short' WHERE id % 7 = 0;
DELETE FROM keyed WHERE id % 11 = 0;
UPDATE keyed SET id = id - 1000 WHERE id > 1100;
UPDATE moved SET id = -id;
UPDATE by_index SET v = -v WHERE a < 50;
UPDATE by_index SET b = 'moved' WHERE a > 150;
DELETE FROM by_index WHERE a BETWEEN 60 AND 70;
DELETE FROM whole WHERE ctid IN (SELECT ctid FROM whole WHERE v = 1 LIMIT 3);
UPDATE whole SET t = 'now' WHERE ctid IN (SELECT ctid FROM whole WHERE v = 2 LIMIT 4);
INSERT INTO whole VALUES (NULL, NULL, NULL, NULL), (NULL, NULL, NULL, NULL);
DELETE FROM whole WHERE ctid IN (SELECT ctid FROM whole WHERE v IS NULL LIMIT 1);
UPDATE keyed_full SET v = 'w' WHERE id % 2 = 0;
UPDATE keyed_full SET id = -id WHERE id % 9 = 0;
DELETE FROM keyed_full WHERE id % 10 = 1;
INSERT INTO only_inserts SELECT 'same' FROM generate_series(1, 5);
UPDATE parted SET day = day + 183 WHERE day < '2024-02-01';
DELETE FROM parted WHERE id % 13 = 0;
INSERT INTO parted VALUES (1000, '2024-03-03', 'new');
TRUNCATE emptied;
INSERT INTO emptied SELECT generate_series(50, 60);
INSERT INTO parent VALUES (500); INSERT INTO child VALUES (500, 500);
DELETE FROM parent WHERE id <= 10;
INSERT INTO numbered (v) SELECT generate_series(200, 220);
UPDATE numbered SET v = v + 1 WHERE id < 20;
UPDATE "odd.Schema"."Select ""me"", pl.ease" SET "order" = '"', "Key col" = "Key col" + 100 WHERE "Key col" < 5;
BEGIN; DELETE FROM keyed; TRUNCATE parted; ROLLBACK;
`;

describe('every kind of change', () => {
  it.each(['key', 'transaction'])(
    'is followed with order: %s, while the pipeline runs and after a restart',
    async (order) => {
      const pipeline = await createPipeline(source, target, { writers: 2, order });
      await queryPostgres(pipeline.sourceUrl, SCHEMA + ROWS);
      const running = weir.start(['run', pipeline.file]);
      await running.waitForLine(/streaming/);
      await queryPostgres(pipeline.sourceUrl, CHANGES);
      // Once more on top, half of it before and half after the restart.
      await queryPostgres(
        pipeline.sourceUrl,
        `UPDATE keyed SET v = v || '!'; TRUNCATE only_inserts; TRUNCATE parted, emptied;`,
      );
      expect((await running.stop()).code).toBe(0);
      await queryPostgres(
        pipeline.sourceUrl,
        `INSERT INTO parted SELECT i, '2024-05-05', 'again' FROM generate_series(1, 9) i;
       UPDATE keyed SET id = -id; DELETE FROM whole WHERE v = 3;
       INSERT INTO numbered (v) VALUES (999)`,
      );
      await catchUp(pipeline);
      await expectEqual(pipeline, TABLES);
      // The target can take over: its sequences go on behind the source's.
      const next = `SELECT nextval(pg_get_serial_sequence('numbered', 's'))::int AS s, nextval(pg_get_serial_sequence('numbered', 'id'))::int AS id`;
      expect(await queryPostgres(pipeline.targetUrl, next)).toEqual(
        await queryPostgres(pipeline.sourceUrl, next),
      );
      // Constraints are there and hold.
      await expect(
        queryPostgres(pipeline.targetUrl, 'INSERT INTO child VALUES (9999, 9999)'),
      ).rejects.toThrow(/foreign key/);
    },
  );

  it('of structure: an added column is followed, another change stops with what to do, and goes on when that is done', async () => {
    const pipeline = await createPipeline(source, target);
    await queryPostgres(
      pipeline.sourceUrl,
      `CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' FROM generate_series(1, 10) i`,
    );
    const running = weir.start(['run', pipeline.file]);
    await running.waitForLine(/streaming/);
    await queryPostgres(
      pipeline.sourceUrl,
      `INSERT INTO t VALUES (11, 'before');
       ALTER TABLE t ADD added int DEFAULT 7, ADD stamp timestamptz DEFAULT now();
       INSERT INTO t (id, v, added) VALUES (12, 'after', 8)`,
    );
    await expect
      .poll(() => dumpQuery(pipeline.targetUrl, 'SELECT * FROM t'), { timeout: 30_000 })
      .toEqual(await dumpQuery(pipeline.sourceUrl, 'SELECT * FROM t'));

    await queryPostgres(
      pipeline.sourceUrl,
      `ALTER TABLE t ALTER v TYPE varchar(50); INSERT INTO t VALUES (13, 'of another type')`,
    );
    const stopped = await running.exited;
    expect(stopped.code).toBe(1);
    const message = stopped.stderr
      .split('\n')
      .find((line) => line.startsWith('weir: target-writer'));
    expect(message).toMatch(/public\.t/);
    const statement = /ALTER TABLE [^;]*? TYPE [a-z ]+\(50\)/i.exec(message ?? '')?.[0];
    expect(statement, message).toBeDefined();

    await queryPostgres(pipeline.targetUrl, statement!);
    await catchUp(pipeline);
    await expectEqual(pipeline, ['t']);
  });
});
