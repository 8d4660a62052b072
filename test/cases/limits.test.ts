import { describe, expect, it } from 'vitest';
import { quoteIdent, quoteLiteral } from '../../services/connectors/postgres/connection/names.ts';
import { dumpQueries } from '../support/psql.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline, type TestPipeline } from '../support/shop-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

async function expectEqual({ sourceUrl, targetUrl }: TestPipeline, queries: string[]) {
  const [held, got] = [
    await dumpQueries(sourceUrl, queries),
    await dumpQueries(targetUrl, queries),
  ];
  for (const [i, query] of queries.entries()) expect(got[i], query).toEqual(held[i]);
}

async function run(pipeline: TestPipeline): Promise<string> {
  const { code, stdout, stderr } = await weir.run(['run', pipeline.file, '--until', 'caught-up', '--verify']); // prettier-ignore
  expect(code, stdout + stderr).toBe(0);
  return stderr;
}

/** Everything that means something in SQL, in a pattern, in a text or in Weir's own statements. */
const NAMES = [
  'a"b', "a'b", 'a.b', 'a\\b', 'a\nb\t', '$1', '$$', '%s', ' ', 'a,b', '{a}', '(1)', '[]', '--', '/*', '*', '"."', "'", 'NULL', 'select',
  'm', 'c0', 'k0', 't', ' ON ONLY x', ' USING btree (', 'é'.repeat(31), 'n'.repeat(63),
]; // prettier-ignore

const STRUCTURE = [
  `SELECT nspname, relname, relkind, attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid)
   FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute ON attrelid = c.oid LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
   WHERE nspname LIKE 'odd%' AND attnum > 0`,
  `SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
   WHERE contype <> 'n' AND connamespace IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'odd%')`,
  `SELECT pg_get_indexdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname LIKE 'odd%' AND relkind IN ('i', 'I')`,
];

describe('names', () => {
  it('of every kind, with every character, are carried as they are', async () => {
    const pipeline = await createPipeline(source, target);
    const tables: string[] = [];
    const changes: string[] = [];
    const sql: string[] = [];
    for (const [i, name] of NAMES.entries()) {
      const [schema, quoted] = [quoteIdent(`odd ${name}`.slice(0, 12)), quoteIdent(name)];
      const table = `${schema}.${quoted}`;
      const parted = `${schema}.${quoteIdent('parted')}`;
      const other = quoteIdent(name === 'k' ? 'kk' : 'k');
      sql.push(
        `CREATE SCHEMA IF NOT EXISTS ${schema}`,
        `CREATE TYPE ${schema}.${quoteIdent(`${name.slice(0, 9)} type`)} AS ENUM (${quoteLiteral(name)}, 'x')`,
        `CREATE TABLE ${table} (${other} serial, ${quoted} text DEFAULT ${quoteLiteral(name)},
           e ${schema}.${quoteIdent(`${name.slice(0, 9)} type`)} DEFAULT ${quoteLiteral(name)}, big text,
           CONSTRAINT ${quoteIdent(`pk ${name}`.slice(0, 20))} PRIMARY KEY (${other}),
           CONSTRAINT ${quoteIdent(`ck ${name}`.slice(0, 20))} CHECK (${quoted} <> ${quoteLiteral(`not ${name}`)}))`,
        `CREATE INDEX ${quoteIdent(`ix ${name}`.slice(0, 20))} ON ${table} (lower(${quoted})) WHERE ${quoted} <> ${quoteLiteral(name)}`,
        `INSERT INTO ${table} DEFAULT VALUES`,
        `INSERT INTO ${table} (big) SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) i`,
      );
      if (i % 4 === 0) {
        const part = `${schema}.${quoteIdent(`part ${name}`.slice(0, 20))}`;
        sql.push(
          `CREATE TABLE ${parted} (${quoted} int, v text, PRIMARY KEY (${quoted})) PARTITION BY LIST (${quoted})`,
          `CREATE TABLE ${part} PARTITION OF ${parted} FOR VALUES IN (1, 2)`,
          `CREATE INDEX ${quoteIdent(`pi ${name}`.slice(0, 20))} ON ${parted} (v, ${quoted})`,
          `INSERT INTO ${parted} VALUES (1, 'a')`,
        );
        tables.push(parted);
        changes.push(`INSERT INTO ${parted} VALUES (2, 'b')`, `UPDATE ${parted} SET v = 'c'`);
      }
      tables.push(table);
      changes.push(
        `UPDATE ${table} SET ${quoted} = 'changed' WHERE ${other} = 2`,
        `INSERT INTO ${table} DEFAULT VALUES`,
        `DELETE FROM ${table} WHERE ${other} = 1`,
      );
    }
    await queryPostgres(pipeline.sourceUrl, sql.join(';\n'));
    const queries = [...tables.map((table) => `SELECT * FROM ${table}`), ...STRUCTURE];
    await run(pipeline);
    await expectEqual(pipeline, queries);
    await queryPostgres(pipeline.sourceUrl, changes.join(';\n'));
    await run(pipeline);
    await expectEqual(pipeline, queries);
  });
});

const columns = (count: number, type: string): string =>
  Array.from({ length: count }, (_, i) => `c${i} ${type}`).join(', ');

describe('tables at the limits of PostgreSQL', () => {
  it('are copied and followed: no columns, generated ones only, a key only, 32 columns of a key, 1,599 columns', async () => {
    const pipeline = await createPipeline(source, target);
    const key = Array.from({ length: 32 }, (_, i) => `c${i}`).join(', ');
    await queryPostgres(
      pipeline.sourceUrl,
      `CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES;
       CREATE TABLE made (g int GENERATED ALWAYS AS (1 + 1) STORED); INSERT INTO made DEFAULT VALUES;
       CREATE TABLE key_and_made (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id + 1) STORED); INSERT INTO key_and_made VALUES (1), (2);
       CREATE TABLE key_only (id int PRIMARY KEY); INSERT INTO key_only VALUES (1), (2);
       CREATE TABLE always (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY); INSERT INTO always DEFAULT VALUES; INSERT INTO always DEFAULT VALUES;
       CREATE TABLE wide_key (${columns(32, 'int DEFAULT 7')}, v text, PRIMARY KEY (${key}));
       INSERT INTO wide_key (c0) VALUES (1), (2);
       CREATE TABLE whole (a int, b text); ALTER TABLE whole REPLICA IDENTITY FULL; INSERT INTO whole VALUES (1, NULL), (1, NULL);
       CREATE TABLE wide (id int PRIMARY KEY, t text, ${columns(1597, '"char"')});
       INSERT INTO wide (id, t) SELECT n, (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) i) FROM generate_series(1, 20) n`,
    );
    const tables = ['key_and_made', 'key_only', 'always', 'wide_key', 'whole', 'wide'];
    const queries = tables.map((table) => `SELECT * FROM ${table}`);
    const said = await run(pipeline);
    for (const table of ['nothing', 'made'])
      expect(said).toMatch(new RegExp(`public\\.${table} has no column .* is left out`));
    await expectEqual(pipeline, queries);
    await queryPostgres(
      pipeline.sourceUrl,
      `INSERT INTO nothing DEFAULT VALUES; INSERT INTO made DEFAULT VALUES;
       UPDATE key_and_made SET id = 5 WHERE id = 1; DELETE FROM key_and_made WHERE id = 2; INSERT INTO key_and_made VALUES (3);
       UPDATE key_only SET id = 5 WHERE id = 1; DELETE FROM key_only WHERE id = 2; UPDATE key_only SET id = id; INSERT INTO key_only VALUES (9);
       ALTER TABLE always ADD b box DEFAULT '(1,1),(0,0)', ADD bs box[] DEFAULT '{(1,1),(0,0);(2,2),(0,0)}', ADD ta text[] DEFAULT '{a,NULL,"NULL","{"}';
       INSERT INTO always DEFAULT VALUES; DELETE FROM always WHERE id = 1;
       UPDATE wide_key SET v = 'x' WHERE c0 = 1; UPDATE wide_key SET c31 = 0 WHERE c0 = 2; INSERT INTO wide_key (c0) VALUES (3);
       UPDATE whole SET b = 'x' WHERE ctid = (SELECT min(ctid) FROM whole); DELETE FROM whole WHERE b IS NULL;
       UPDATE wide SET c5 = 'q'; UPDATE wide SET c1596 = 'z', t = 'short' WHERE id = 2; DELETE FROM wide WHERE id = 3`,
    );
    await run(pipeline);
    await expectEqual(pipeline, queries);
  });

  it('of 1,600 columns are refused by check, by name, because changes need one column more', async () => {
    const pipeline = await createPipeline(source, target);
    await queryPostgres(pipeline.sourceUrl, `CREATE TABLE w (id int PRIMARY KEY, ${columns(1599, '"char"')})`); // prettier-ignore
    const { code, stdout } = await weir.run(['check', pipeline.file]);
    expect(code).not.toBe(0);
    expect(stdout).toMatch(/error +public\.w: it has 1600 columns.*drop a column/);
  });
});
