import { describe, expect, it } from 'vitest';
import type { Finding } from '../../shared/connector/finding.ts';
import { dumpQueries } from '../support/psql.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline, type TestPipeline } from '../support/shop-pipeline.ts';
import { SinkPipeline } from '../support/sink-pipeline.ts';
import { alterAll, OTHER_ACCESS_METHOD, variedSettings } from '../support/varied-settings.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

/** Whatever a setting could change: how values are printed and read, what the catalog says, what a statement means. */
const SCHEMA = String.raw`
  CREATE TYPE mood AS ENUM ('it''s fine', 'NULL', 'back\slash');
  CREATE TYPE pair AS (a text, b date);
  CREATE DOMAIN word AS text COLLATE "C" CHECK (VALUE <> 'a\b' AND VALUE !~ '\d{9}');
  CREATE TABLE shapes (
    id serial PRIMARY KEY, t text DEFAULT 'it''s a \ default', ts timestamptz DEFAULT '2024-03-02 01:00:00+05:45',
    ti timestamp, d date, iv interval, f4 real, f8 float8, by bytea, ta text[], wa word[], m money, x xml,
    "user" uuid, q tsquery, v tsvector, j jsonb, r tstzrange, mo mood, w word, n numeric, b bit(9), b6 bpchar(6), p pair DEFAULT $$("a\\b",2024-02-03)$$,
    doubled numeric GENERATED ALWAYS AS (n * 2) STORED, CHECK (t <> 'x\y' OR t IS NULL));
  CREATE INDEX shapes_low ON shapes (lower(t) COLLATE "C", (t || '\')) WHERE t <> 'a\nb' AND mo IS NOT NULL;
  CREATE INDEX ON shapes USING gin (ta);
  CREATE TABLE parted (id int, v text DEFAULT '\', PRIMARY KEY (id)) PARTITION BY RANGE (id);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
  CREATE INDEX parted_v ON parted (v);
  CREATE UNIQUE INDEX parted_both ON parted (id, v);
  CREATE TABLE dated (day date, v text, PRIMARY KEY (day)) PARTITION BY RANGE (day);
  CREATE TABLE dated_1 PARTITION OF dated FOR VALUES FROM ('2024-02-03') TO ('2025-12-11');
  CREATE TABLE child (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent int REFERENCES shapes, at timestamptz);
  CREATE TABLE keyed (at timestamptz, iv interval, f float8, v text, PRIMARY KEY (at, iv, f));`;

const ROWS = String.raw`
  INSERT INTO shapes (t, ts, ti, d, iv, f4, f8, by, ta, wa, m, x, "user", q, v, j, r, mo, w, n, b, b6)
  SELECT 'back\slash ' || i || ' é', '2024-02-03 04:05:06.789+00', '2024-02-03 04:05:06.789', '2024-02-03',
    '-1 year 2 mons -3 days 04:05:06.7', 1.1::real / 3, 0.1::float8 + 0.2, '\x5c00ff', '{a,NULL,"NULL",a\\b,""}', '{NULL,x}',
    12.34, '<a b="1">é</a>', '9b2dd7c3-0f4e-4b6e-9d2a-0c5f3d9a1b2c', 'a & b', 'a:1 b:2', '{"a": "\\ é"}',
    '[2024-02-03 00:00+00, 2024-03-04 00:00+00)', 'back\slash', 'w\', 1.10, B'101010101', 'ab'
  FROM generate_series(1, 30) i;
  INSERT INTO shapes (q, x, f8) VALUES ('', 'not a document', '-Infinity'), (NULL, '', 'NaN');
  INSERT INTO parted SELECT i, 'v\' || i FROM generate_series(1, 20) i;
  INSERT INTO dated SELECT date '2024-02-03' + i, i FROM generate_series(1, 20) i;
  INSERT INTO child (parent, at) SELECT i, '2024-02-03 04:05:06+01' FROM generate_series(1, 20) i;
  INSERT INTO keyed SELECT timestamptz '2024-02-03 04:05:06.789+00' + i * interval '1 day', '1 mon -1 day', i / 3.0, 'v' FROM generate_series(1, 20) i;`;

const CHANGES = String.raw`
  UPDATE shapes SET ts = ts + interval '1 day', iv = -iv, f8 = f8 / 3, ta = ta || NULL::text, t = t || '\' WHERE id % 3 = 0;
  INSERT INTO shapes (ta, wa, mo, m, by, q) VALUES ('{NULL,"NULL"}', '{NULL}', 'NULL', -5, '\x00', '');
  DELETE FROM keyed WHERE extract(day FROM at) < 9; UPDATE keyed SET v = 'w'; UPDATE keyed SET f = f + 0.1;
  UPDATE parted SET v = v || '\'; DELETE FROM dated WHERE v::int < 5; UPDATE dated SET day = day + 100 WHERE v = '7';
  DELETE FROM child; ALTER TABLE child ADD COLUMN more text DEFAULT 'a\b'; INSERT INTO child (parent, at) VALUES (1, now());`;

/** Makes changes travel as text, which is what the settings of the server's side of replication could bend. */
const AS_TEXT = `CREATE TABLE moods (id int PRIMARY KEY, m mood[]); INSERT INTO moods VALUES (1, '{NULL,"NULL"}');`;

const TABLES = ['shapes', 'parted', 'dated', 'child', 'keyed'];
const STRUCTURE = [
  `SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attcollation::regcollation,
     pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute LEFT JOIN pg_attrdef d ON (adrelid, adnum) = (attrelid, attnum)
   WHERE attnum > 0 AND NOT attisdropped AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)`,
  `SELECT conrelid::regclass, conname, replace(pg_get_constraintdef(oid), ' DEFERRABLE', '') FROM pg_constraint WHERE connamespace = 'public'::regnamespace`,
  `SELECT pg_get_indexdef(oid) FROM pg_class WHERE relkind IN ('i', 'I') AND relnamespace = 'public'::regnamespace`,
  `SELECT relname, amname FROM pg_class JOIN pg_am a ON a.oid = relam WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
  `SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'`,
];

async function expectEqual({ sourceUrl, targetUrl }: TestPipeline, tables: string[]) {
  const queries = [...tables.map((table) => `SELECT * FROM ${table}`), ...STRUCTURE];
  const [held, got] = [
    await dumpQueries(sourceUrl, queries),
    await dumpQueries(targetUrl, queries),
  ];
  for (const [i, query] of queries.entries()) expect(got[i], query).toEqual(held[i]);
}

const databaseOf = (url: string): string => `DATABASE ${new URL(url).pathname.slice(1)}`;

interface End {
  /** Where the settings can be set whatever they are. */
  admin: string;
  subject: string;
}

/** Runs the pipeline as it would be run by people with these settings, and looks without them. */
async function runVaried(pipeline: TestPipeline, ends: readonly End[], tables: string[]) {
  const vary = async (how: (end: End) => Promise<string>): Promise<void> => {
    for (const end of ends) await queryPostgres(end.admin, await how(end));
  };
  for (const changes of ['', CHANGES]) {
    if (changes !== '') await queryPostgres(pipeline.sourceUrl, changes);
    await vary(async ({ admin, subject }) =>
      alterAll(subject, (await variedSettings(admin)).varied),
    );
    const run = await weir.run([
      'run',
      pipeline.file,
      ...['--until', 'caught-up', ...(changes === '' ? [] : ['--verify'])],
    ]);
    await vary(({ subject }) => Promise.resolve(`ALTER ${subject} RESET ALL`));
    expect(run.code, run.stdout + run.stderr).toBe(0);
    await expectEqual(pipeline, tables);
  }
}

describe('with every setting other than usual, data and structure arrive as they are', () => {
  it('says which settings are varied, and which are not', async () => {
    const { varied, left } = await variedSettings(source.url);
    const named = [...varied].map(([name, value]) => `${name} = '${value}'`).join(', ');
    const others = [...left].map(([name, why]) => `${name} (${why})`).join(', ');
    process.stderr.write(`varied: ${named}\nnot varied: ${others}\n`);
    expect(varied.size).toBeGreaterThan(90);
    expect([...left.values()]).not.toContain('unknown');
  });

  /** The role is Weir's alone, so that what looks at the result has no settings of its own. */
  it.each([
    {
      of: 'the source’s database',
      sourceEnd: 'database',
      targetEnd: null,
      text: true,
      order: 'key',
    },
    {
      of: 'the target’s role',
      sourceEnd: null,
      targetEnd: 'role',
      text: true,
      order: 'transaction',
    },
    {
      of: 'a role and a database',
      sourceEnd: 'role',
      targetEnd: 'database',
      text: false,
      order: 'key',
    },
  ] as const)('where they are of $of', async ({ sourceEnd, targetEnd, text, order }) => {
    const role = `varied_${order}_${String(text)}`;
    for (const { url } of [source, target])
      await queryPostgres(url, `CREATE ROLE ${role} SUPERUSER LOGIN`);
    const as = (url: string): string => url.replace('postgres@', `${role}@`);
    const pipeline = await createPipeline(source, target, { order }, as);
    const { sourceUrl, targetUrl } = pipeline;
    await queryPostgres(sourceUrl, SCHEMA + ROWS + (text ? AS_TEXT : ''));
    for (const url of [sourceUrl, targetUrl]) await queryPostgres(url, OTHER_ACCESS_METHOD);
    const ends: End[] = [];
    const subjectOf = (end: 'role' | 'database', url: string): string =>
      end === 'role' ? `ROLE ${role}` : databaseOf(url);
    if (sourceEnd !== null)
      ends.push({ admin: source.url, subject: subjectOf(sourceEnd, sourceUrl) });
    if (targetEnd !== null)
      ends.push({ admin: target.url, subject: subjectOf(targetEnd, targetUrl) });
    await runVaried(pipeline, ends, text ? [...TABLES, 'moods'] : TABLES);
  });
});

describe('what a setting asks for and the role may not change', () => {
  it('is told by check: constraints cannot be enforced', async () => {
    const [sourceUrl, targetUrl] = [await source.createDatabase(), await target.createDatabase()];
    await queryPostgres(sourceUrl, 'CREATE TABLE t (id int PRIMARY KEY)');
    await queryPostgres(
      target.url,
      `CREATE ROLE plain LOGIN; GRANT ALL ON ${databaseOf(targetUrl)} TO plain;`,
    );
    await queryPostgres(targetUrl, 'CREATE TABLE t (id int PRIMARY KEY); GRANT ALL ON t TO plain');
    const check = async (order: 'key' | 'transaction'): Promise<Finding[]> => {
      const url = targetUrl.replace('postgres@', 'plain@');
      const pipeline = await SinkPipeline.create(sourceUrl, url, { order });
      const findings = await pipeline.sink.check(pipeline.plan.namespaces);
      await pipeline.close();
      return findings.filter(({ level }) => level === 'error');
    };
    expect(await check('transaction')).toEqual([]);
    await queryPostgres(target.url, 'ALTER ROLE plain SET session_replication_role = replica');
    expect(await check('key')).toEqual([]);
    expect(await check('transaction')).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(/session_replication_role .* RESET/) as string,
      }),
    ]);
  });
});

describe('a source in another encoding', () => {
  it.each([
    ['LATIN1', 'ünï ÿ'],
    ['EUC_JP', '漢字 カナ'],
  ])(
    '%s is carried as it reads, names and keys too, and not compared by hashes',
    async (encoding, text) => {
      const pipeline = await createPipeline(source, target);
      const { sourceUrl, targetUrl } = pipeline;
      const name = new URL(sourceUrl).pathname.slice(1);
      await queryPostgres(source.url, `DROP DATABASE ${name}`);
      await queryPostgres(
        source.url,
        `CREATE DATABASE ${name} ENCODING '${encoding}' TEMPLATE template0`,
      );
      await queryPostgres(
        sourceUrl,
        `CREATE TYPE mood AS ENUM ('${text}', 'ok');
       CREATE TABLE "${text}" ("${text}" text PRIMARY KEY, j jsonb, a text[] DEFAULT '{"${text}"}', m mood DEFAULT '${text}', v text CHECK (v <> '${text}'));
       INSERT INTO "${text}" VALUES ('${text}', '{"${text}": "${text}"}'), ('x', NULL)`,
      );
      const queries = [`SELECT * FROM "${text}"`];
      for (const changes of [
        '',
        `UPDATE "${text}" SET a = a || "${text}"; INSERT INTO "${text}" VALUES ('${text} 2'); DELETE FROM "${text}" WHERE "${text}" = 'x'`,
      ]) {
        if (changes !== '') await queryPostgres(sourceUrl, changes);
        const run = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
        expect(run.code, run.stdout + run.stderr).toBe(0);
        expect(await dumpQueries(targetUrl, queries)).toEqual(
          await dumpQueries(sourceUrl, queries),
        );
      }
      const verified = await weir.run(['verify', pipeline.file]);
      expect(verified.stderr).toMatch(new RegExp(`encoding ${encoding}.*cannot be compared`));
    },
  );
});
