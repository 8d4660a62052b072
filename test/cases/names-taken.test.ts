import { describe, expect, it } from 'vitest';
import type { SinkOptions } from '../../shared/connector/end-options.ts';
import { checkedPair } from '../support/checked-pair.ts';
import { dumpQuery } from '../support/psql.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';

const source = usePostgres();
const target = useTargetPostgres();

const pair = (atSource: string, atTarget: string, options: Partial<SinkOptions> = {}) =>
  checkedPair(source, target, { atSource, atTarget, ...options });

const indexes = (url: string, schema = 'public'): Promise<string[]> =>
  dumpQuery(url, `SELECT replace(indexdef, schemaname || '.', '') FROM pg_indexes WHERE schemaname = '${schema}'`); // prettier-ignore

describe('a name that something else has at the target', () => {
  it('is not taken for the index of that name: it gets another one, and check says which', async () => {
    const { targetUrl, pipeline, check } = await pair(
      'CREATE TABLE t (id int CONSTRAINT key PRIMARY KEY, w int CONSTRAINT one UNIQUE, x int); CREATE INDEX foo ON t (w); CREATE INDEX bar ON t (x)',
      'CREATE TABLE other (x int); CREATE INDEX foo ON other (x); CREATE VIEW key AS SELECT 1; CREATE SEQUENCE one',
    );
    expect(await check()).toEqual([
      expect.stringMatching(/^warning public\.t: its index "key" will be called "key_weir", because something else/), // prettier-ignore
      expect.stringMatching(/"one" will be called "one_weir"/),
      expect.stringMatching(/"foo" will be called "foo_weir"/),
    ]);
    await pipeline.start();
    expect(await indexes(targetUrl)).toEqual([
      'CREATE INDEX bar ON t USING btree (x)',
      'CREATE INDEX foo ON other USING btree (x)',
      'CREATE INDEX foo_weir ON t USING btree (w)',
      'CREATE UNIQUE INDEX key_weir ON t USING btree (id)',
      'CREATE UNIQUE INDEX one_weir ON t USING btree (w)',
    ]);
  });

  it('is told too where two schemas come together, and keys are called after the tables that they are of', async () => {
    const { targetUrl, pipeline, check } = await pair(
      `CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t (id int PRIMARY KEY, v int); CREATE INDEX by_v ON a.t (v);
       CREATE TABLE b.t (id int PRIMARY KEY, v int); CREATE INDEX by_v ON b.t (v)`,
      '',
      { map: { 'a.t': 'public.t', 'b.t': 'public.u' } },
    );
    expect(await check()).toEqual([expect.stringMatching(/^warning public\.u: .*"by_v" will be called "by_v_weir"/)]); // prettier-ignore
    await pipeline.start();
    expect(await indexes(targetUrl)).toEqual([
      'CREATE INDEX by_v ON t USING btree (v)',
      'CREATE INDEX by_v_weir ON u USING btree (v)',
      'CREATE UNIQUE INDEX t_pkey ON t USING btree (id)',
      'CREATE UNIQUE INDEX u_pkey ON u USING btree (id)',
    ]);
  });

  it.each([
    ['a sequence', 'CREATE TABLE t (id serial PRIMARY KEY)', 'CREATE TABLE t_id_seq (a int)', /"t_id_seq"/], // prettier-ignore
    ['a partition', 'CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9)', 'CREATE TABLE t1 (id int)', /"t1"/], // prettier-ignore
    ['a type', "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TABLE t (id int PRIMARY KEY, m mood)", "CREATE TYPE mood AS ENUM ('good', 'so so')", /mood.*another one.*'bad'/], // prettier-ignore
    ['a type, as a table', "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TABLE t (id int PRIMARY KEY, m mood)", 'CREATE TABLE mood (id int)', /mood.*another one/], // prettier-ignore
  ])(
    'is not taken for %s: check and the start name it',
    async (_what, atSource, atTarget, told) => {
      const { pipeline, check } = await pair(atSource, atTarget);
      expect(await check()).toEqual([expect.stringMatching(/^error /)]);
      expect((await check())[0]).toMatch(told);
      await expect(pipeline.start()).rejects.toMatchObject({
        code: 'TARGET_UNFIT',
        message: expect.stringMatching(told) as string,
      });
    },
  );

  it.each([
    ['a label was renamed', "ENUM ('good', 'bad')", "ENUM ('good', 'so so')", /run there ALTER TYPE "public"\."mood" RENAME VALUE 'so so' TO 'bad'$/],
    ['a label is missing', "ENUM ('good', 'fair', 'bad')", "ENUM ('good', 'bad')", /run there ALTER TYPE "public"\."mood" ADD VALUE 'fair' AFTER 'good'$/],
    ['the first ones are missing', "ENUM ('a', 'b', 'c')", "ENUM ('c')", /ADD VALUE 'a' BEFORE 'c'; ALTER TYPE "public"\."mood" ADD VALUE 'b' AFTER 'a'$/],
    ['labels have another order', "ENUM ('a', 'b')", "ENUM ('b', 'a')", /another one .*alter it, or rename it there$/],
    ['an attribute is missing', '(a int, b text)', '(a int)', /another one/],
    ['a range is of another type', 'RANGE (SUBTYPE = int8)', 'RANGE (SUBTYPE = int4)', /another one .*alter it, or rename it there$/],
    ['a range measures differences', 'RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi)', 'RANGE (SUBTYPE = float8)', null],
    ['it has more labels', "ENUM ('a', 'b')", "ENUM ('a', 'x', 'b')", null],
  ])('of a type that a table there has already is no proof: check and the start say where %s', async (_what, here, there, told) => {
    const made = (as: string): string => `CREATE TYPE mood AS ${as}; CREATE TABLE t (id int PRIMARY KEY, m mood)`;
    const { pipeline, check } = await pair(made(here), made(there));
    if (told === null) {
      expect(await check()).toEqual([]);
      return pipeline.start();
    }
    expect(await check()).toEqual([expect.stringMatching(told)]);
    await expect(pipeline.start()).rejects.toMatchObject({
      code: 'TARGET_UNFIT',
      message: expect.stringMatching(told) as string,
    });
  }); // prettier-ignore

  it('counts where the table is made of it, in an array or a composite also, and nowhere else', async () => {
    const types = (labels: string): string => `CREATE TYPE mood AS ENUM (${labels}); CREATE TYPE c AS (m mood)`;
    const { check } = await pair(`${types("'a', 'b'")}; CREATE TABLE t (id int PRIMARY KEY, m c[])`, `${types("'a'")}; CREATE TABLE t (id int PRIMARY KEY, m c[])`);
    expect(await check()).toEqual([expect.stringMatching(/ADD VALUE 'b' AFTER 'a'$/)]);
    const other = await pair(`${types("'a', 'b'")}; CREATE TABLE t (id int PRIMARY KEY, m mood)`, `${types("'a'")}; CREATE TABLE t (id int PRIMARY KEY, m text)`);
    expect((await other.check()).join()).not.toMatch(/another one/);
  }); // prettier-ignore

  it('of a domain is no proof of its base type', async () => {
    const made = (base: string): string => `CREATE DOMAIN d AS ${base} CHECK (value IS NOT NULL); CREATE TABLE t (id int PRIMARY KEY, m d)`; // prettier-ignore
    const { check } = await pair(made('text'), made('character varying(3)'));
    expect(await check()).toEqual([expect.stringMatching(/^error public\.t: the type "public"\."d" at the target is another one/)]); // prettier-ignore
  });

  it('is not silently taken for the same index or constraint of the table: check tells what puts it in its place', async () => {
    const table = (rest: string) => `CREATE TABLE t (id int PRIMARY KEY, v text, w int, ${rest})`;
    const { targetUrl, pipeline, check } = await pair(
      `${table('CONSTRAINT u UNIQUE (w), CONSTRAINT c CHECK (w > 0)')}; ALTER TABLE t ADD CONSTRAINT late CHECK (w < 9) NOT VALID;
       CREATE INDEX same ON t (lower(v) DESC) WHERE w > 0; CREATE INDEX partly ON t (v) WHERE w > 0; CREATE UNIQUE INDEX one ON t (v, w)`,
      `${table('CONSTRAINT u UNIQUE (w, v), CONSTRAINT c CHECK (w > 1), CONSTRAINT late CHECK (w < 9)')};
       CREATE INDEX same ON t (lower(v) DESC) WHERE w > 0; CREATE INDEX partly ON t (v); CREATE INDEX one ON t (v, w)`,
    );
    const told = await check();
    expect(told.map((each) => /^warning public\.t: "(\w+)" of public\.t at the target is not what/.exec(each)?.[1])).toEqual(['c', 'late', 'u', 'one', 'partly']); // prettier-ignore
    for (const each of told) await queryPostgres(targetUrl, each.split('run at the target: ')[1]!);
    expect(await check()).toEqual([]);
    await pipeline.start();
    expect(await indexes(targetUrl)).toEqual([
      'CREATE INDEX partly ON t USING btree (v) WHERE (w > 0)',
      'CREATE INDEX same ON t USING btree (lower(v) DESC) WHERE (w > 0)',
      'CREATE UNIQUE INDEX one ON t USING btree (v, w)',
      'CREATE UNIQUE INDEX t_pkey ON t USING btree (id)',
      'CREATE UNIQUE INDEX u ON t USING btree (w)',
    ]);
  });

  it('is not taken for a partition that appears while changes are followed', async () => {
    const { targetUrl, pipeline } = await pair(
      'CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)',
      'CREATE TABLE t1 (id int)',
    );
    await pipeline.start();
    const parent = { schema: 'public', name: 't' };
    const partition = { schema: 'public', name: 't1', parent, bound: 'FOR VALUES FROM (0) TO (9)', partitionBy: null }; // prettier-ignore
    const write = () => pipeline.sink.writeSideState({ sequences: [], partitions: [partition] });
    await expect(write()).rejects.toMatchObject({
      code: 'TARGET_UNFIT',
      message: expect.stringMatching(/something else there is called public\.t1/) as string,
    });
    await queryPostgres(targetUrl, 'DROP TABLE t1');
    await write();
    expect(await dumpQuery(targetUrl, "SELECT relid FROM pg_partition_tree('t') WHERE level = 1")).toEqual(['t1']); // prettier-ignore
  });
});
