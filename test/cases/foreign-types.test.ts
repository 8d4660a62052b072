import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRandom } from '../../infra/demo/random.ts';
import { mapType } from '../../services/connectors/postgres/types/to-native.ts';
import type { Column, Relation } from '../../shared/change/relation.ts';
import type { LogicalType } from '../../shared/schema/logical-type.ts';
import { randomLogicalType } from '../support/random-logical-type.ts';
import { majorVersion, queryPostgres, usePostgres } from '../support/servers.ts';
import { SinkPipeline } from '../support/sink-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const target = usePostgres();
const weir = useWeir();

let made = 0;

/** A table in a folder of files, on its way into a new database. */
async function fromFiles(
  columns: { name: string; type: string }[],
  row: Record<string, unknown>,
  more: Record<string, unknown> = {},
): Promise<{ file: string; url: string; spec: Record<string, unknown> }> {
  const url = await target.createDatabase();
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-types-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const data = path.join(folder, 'data', 'public.t');
  await mkdir(data, { recursive: true });
  await writeFile(path.join(data, '_schema.json'), JSON.stringify({ columns, key: ['id'] }));
  await writeFile(path.join(data, 'rows.jsonl'), `${JSON.stringify(row)}\n`);
  const file = path.join(folder, 'pipeline.yaml');
  const spec = {
    name: `types-${process.pid}-${++made}`,
    ...{ mode: 'snapshot', source: { url: `file:${path.join(folder, 'data')}` }, target: { url } },
    ...more,
  };
  await writeFile(file, JSON.stringify(spec));
  return { file, url, spec };
}

async function columnsOf(url: string, table = 'public.t'): Promise<Record<string, unknown>> {
  const rows = await queryPostgres(
    url,
    `SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [table],
  );
  return Object.fromEntries(rows.map((row) => [String(row['attname']), row['type']]));
}

const flat = (text: string): string => text.replaceAll(/\s+/g, ' ');

describe('the name of a type that comes from outside', () => {
  const HOSTILE = [
    'integer); DROP TABLE victim; --',
    "text DEFAULT (pg_read_file('/etc/passwd'))",
    'integer, PRIMARY KEY (id)); DROP TABLE victim; --',
    'numeric(1,2)) PARTITION BY LIST (id); DROP TABLE victim; --',
    '"a" integer); DROP TABLE victim; --',
    "x'); DROP TABLE victim; --",
    '"; DROP TABLE victim; --',
    'integer\n); DROP TABLE victim; --',
    'text /* */ ); DROP TABLE victim; --',
    'victim',
  ];

  const ways: Record<string, (type: string) => Partial<Column>> = {
    'as a schema file has it': (type) => ({ type }),
    'as another kind of store calls it': (name) => ({
      type: name,
      logical: { kind: 'other', store: 'elsewhere', name },
    }),
    'with nobody who calls it so': (name) => ({
      type: name,
      logical: { kind: 'other', store: null, name },
    }),
    'in an array': (type) => ({ type: `${type}[]` }),
    'as an enum': (name) => ({ type: name, logical: { kind: 'enum', name, labels: [name] } }),
    'as a shape': (shape) => ({
      type: 'x',
      logical: { kind: 'geometry', shape, srid: null },
    }),
  };

  it.each(Object.keys(ways))('%s is no statement, and stops or is a name', async (way) => {
    const url = await target.createDatabase();
    await queryPostgres(url, 'CREATE TABLE victim (id int)');
    for (const name of HOSTILE) {
      const columns: Column[] = [
        { name: 'id', type: 'integer', encoding: 'text' },
        { name: 'v', type: 'text', encoding: 'text', ...ways[way]!(name) },
      ];
      const relation: Relation = {
        ...{ namespace: `public.t${++made}`, columns, key: [0], identity: 'key', order: 'key' },
      };
      const pipeline = SinkPipeline.of(url, [{ relation, definition: null }], {
        pipeline: `hostile-${made}`,
      });
      onTestFinished(() => pipeline.close());
      const findings = await pipeline.sink.check([{ relation, definition: null }]);
      const saved = await pipeline.start().then(
        () => 'made',
        (error: unknown) => String(error),
      );
      const isFit = findings.every(({ level }) => level !== 'error');
      expect([isFit, saved === 'made'], `${name}: ${saved}`).toEqual([isFit, isFit]);
      if (saved !== 'made') expect(saved, name).toMatch(/does not exist|TARGET_UNFIT/);
      const there = await columnsOf(url, relation.namespace);
      expect(Object.keys(there), name).toEqual(saved === 'made' ? ['id', 'v'] : []);
    }
    expect(await columnsOf(url, 'public.victim')).toEqual({ id: 'integer' });
  });

  it.each(['cast', 'set', 'types'])('in %s of the pipeline file is no statement', async (way) => {
    const type = 'integer); DROP TABLE victim; --';
    const settings = {
      cast: { transforms: [{ cast: { v: type } }] },
      set: { transforms: [{ set: { w: { value: 1, type } } }] },
      types: { types: { 'public.t.v': type } },
    }[way]!;
    const columns = [
      { name: 'id', type: 'bigint' },
      { name: 'v', type: 'text' },
    ];
    const { file, url } = await fromFiles(columns, { id: 1, v: '7' }, settings);
    await queryPostgres(url, 'CREATE TABLE victim (id int)');
    const checked = await weir.run(['check', file]);
    expect(checked.code, checked.stdout).toBe(1);
    expect(flat(checked.stdout)).toContain('does not exist');
    const run = await weir.run(['run', file, '--until', 'caught-up']);
    expect(run.code, run.stderr).not.toBe(0);
    expect(await columnsOf(url, 'public.victim')).toEqual({ id: 'integer' });
    expect(await columnsOf(url)).toEqual({});
  });
});

describe('a mapping that is not exact', () => {
  const columns = [
    { name: 'id', type: 'bigint' },
    { name: 'at', type: 'timestamp(9) with time zone' },
    { name: 'big', type: 'numeric(2000,5)' },
    { name: 'total', type: 'numeric(10,2)' },
  ];
  const row = { id: 1, at: '2026-01-31 23:59:59.123456+00', big: 7, total: 12.5 };

  it('that loses something stops before anything moves, and says the line that agrees to it', async () => {
    const { file, url, spec } = await fromFiles(columns, row);
    const checked = await weir.run(['check', file]);
    expect(checked.code).toBe(1);
    const said = flat(checked.stdout);
    const line = '"public.t.at": "timestamp with time zone"';
    expect(said).toContain('error public.t.at: timestamp(9) with time zone becomes timestamp with time zone'); // prettier-ignore
    expect(said).toContain(`agree to it with the line ${line} under types:`);
    expect(said).toContain('ok public.t.big: numeric(2000,5) becomes numeric: its precision and scale are not enforced'); // prettier-ignore
    const run = await weir.run(['run', file, '--until', 'caught-up']);
    expect(run.code, run.stderr).toBe(1);
    expect(flat(run.stderr)).toContain(line);
    expect(await columnsOf(url)).toEqual({});

    await writeFile(file, JSON.stringify({ ...spec, types: JSON.parse(`{${line}}`) as unknown }));
    const agreed = await weir.run(['check', file]);
    expect(agreed.code, agreed.stdout).toBe(0);
    expect(flat(agreed.stdout)).toContain('public.t.at: timestamp(9) with time zone becomes timestamp with time zone, as types says'); // prettier-ignore
    const done = await weir.run(['run', file, '--until', 'caught-up']);
    expect(done.code, done.stderr).toBe(0);
    expect(await columnsOf(url)).toEqual({
      ...{ id: 'bigint', at: 'timestamp with time zone', big: 'numeric', total: 'numeric(10,2)' },
    });
    expect(await queryPostgres(url, 'SELECT id::int, total::text FROM t')).toEqual([
      { id: 1, total: '12.50' },
    ]);
  });

  it('is what the file says, by column before type before kind', async () => {
    const types = {
      'public.t.at': 'text',
      'numeric(10,2)': 'numeric(30,6)',
      decimal: 'text',
      integer: 'numeric',
    };
    const { file, url } = await fromFiles(columns, row, { types });
    const done = await weir.run(['run', file, '--until', 'caught-up']);
    expect(done.code, done.stderr).toBe(0);
    expect(await columnsOf(url)).toEqual({
      ...{ id: 'numeric', at: 'text', big: 'text', total: 'numeric(30,6)' },
    });
  });

  it('is refused where the file names what is not there, or a target that makes no types', async () => {
    const { file, spec } = await fromFiles(columns, row, { types: { 'public.t.ot': 'text' } });
    const told = /types:? has public\.t\.ot, which is no column and no type of this pipeline/;
    const checked = await weir.run(['check', file]);
    expect([checked.code, flat(checked.stdout)]).toEqual([1, expect.stringMatching(told)]);
    const run = await weir.run(['run', file, '--until', 'caught-up']);
    expect([run.code, flat(run.stderr)]).toEqual([1, expect.stringMatching(told)]);
    await writeFile(file, JSON.stringify({ ...spec, target: { url: 'null:' } }));
    const other = await weir.run(['check', file]);
    expect([other.code, flat(other.stdout)]).toEqual([
      1,
      expect.stringMatching(/types is for targets that make columns of types of their own/),
    ]);
  });
});

describe('where no check was made', () => {
  const relation: Relation = {
    namespace: 'public.t',
    columns: [
      { name: 'id', type: 'integer', encoding: 'text' },
      { name: 'at', type: 'time(9)', encoding: 'text' },
    ],
    ...{ key: [0], identity: 'key', order: 'key' },
  };

  it.each([
    [{}, 'TYPE_LOSSY'],
    [{ 'public.other.at': 'text' }, 'CONFIG_INVALID'],
  ])('a plan with types %j is refused whole: %s', async (types, code) => {
    const url = await target.createDatabase();
    const pipeline = SinkPipeline.of(url, [{ relation, definition: null }], { types });
    onTestFinished(() => pipeline.close());
    await expect(pipeline.start()).rejects.toMatchObject({ code });
    expect(await columnsOf(url)).toEqual({});
  });

  it('tables that another PostgreSQL describes keep their types, whatever the file says', async () => {
    const source = await target.createDatabase();
    const url = await target.createDatabase();
    await queryPostgres(source, 'CREATE TABLE t (id int PRIMARY KEY, n numeric(5,1))');
    const types = { 'public.t.n': 'text' };
    const pipeline = await SinkPipeline.create(source, url, { types });
    onTestFinished(() => pipeline.close());
    const findings = await pipeline.sink.check(pipeline.plan.namespaces);
    const message = /has public\.t\.n, whose tables come with their own types from another PostgreSQL/; // prettier-ignore
    const told = findings.filter(({ subject }) => subject === 'types');
    expect(told.map(({ level }) => level)).toEqual(['error']);
    expect(told[0]!.message).toMatch(message);
    await expect(pipeline.start()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

it('whatever other stores call their types, tables are made that hold them, and taken for the same at every later start', async () => {
  const seed = Number(process.env['WEIR_SEED'] ?? Date.now() % 2 ** 31);
  process.stderr.write(`columns of other stores: WEIR_SEED=${seed}\n`);
  const random = createRandom(seed);
  const url = await target.createDatabase();
  const version = (await majorVersion(url)) * 10_000;
  const map = (type: LogicalType) => mapType(type, { version });
  const isHeld = (type: LogicalType): boolean => map(type).fit !== 'lossy';
  const types = Array.from({ length: 200 }, () => randomLogicalType(random)).filter(
    (type) => isHeld(type) && !/"kind":"other"/.test(JSON.stringify(type)),
  );
  const columns = types.map((logical, i): Column => {
    return { name: `c${i}`, type: `strange type ${i}`, logical, encoding: 'text' };
  });
  const id: Column = { name: 'id', type: 'integer', encoding: 'text' };
  const relation: Relation = {
    ...{ namespace: 'public.wide', columns: [id, ...columns] },
    ...{ key: [0], identity: 'key', order: 'key' },
  };
  const plans = [{ relation, definition: null }];
  const first = SinkPipeline.of(url, plans);
  onTestFinished(() => first.close());
  await first.start();
  expect(await columnsOf(url, 'public.wide')).toEqual({
    id: 'integer',
    ...Object.fromEntries(types.map((type, i) => [`c${i}`, map(type).native])),
  });
  await first.write(0, { 'public.wide': { upserts: [['1', ...types.map(() => null)]] } });
  const state = await first.sink.readState();
  const again = SinkPipeline.of(url, plans);
  onTestFinished(() => again.close());
  await again.sink.savePlan(state!.plan, await again.sink.beginReader());
  expect(await queryPostgres(url, 'SELECT id FROM wide')).toEqual([{ id: 1 }]);
});

it('a table that goes through files keeps what may not be NULL, defaults, uniques, indexes and comments, and is then as its source says', async () => {
  const [sourceUrl, url] = [await target.createDatabase(), await target.createDatabase()];
  await queryPostgres(
    sourceUrl,
    `CREATE TABLE t (id int PRIMARY KEY, s varchar(9) NOT NULL DEFAULT 'it''s', at timestamptz DEFAULT CURRENT_TIMESTAMP, n numeric(5,2) DEFAULT 1.50,
       odd text DEFAULT md5(random()::text), ser serial, CONSTRAINT twice UNIQUE (s, n));
     CREATE INDEX by_n ON t (n); CREATE INDEX lower_s ON t (lower(s));
     COMMENT ON TABLE t IS 'all of it'; COMMENT ON COLUMN t.s IS 'short';
     INSERT INTO t VALUES (1, 'x', '2026-01-31 12:00:00+00', 2.5, 'o', 7)`,
  );
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-types-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const data = `file:${path.join(folder, 'data')}`;
  for (const [source, to] of [[sourceUrl, data], [data, url]] as const) {
    const file = path.join(folder, 'pipeline.yaml');
    const ends = { source: { url: source }, target: { url: to }, mode: 'snapshot' };
    await writeFile(file, JSON.stringify({ name: `files-${process.pid}-${++made}`, ...ends }));
    const done = await weir.run(['run', file, '--until', 'caught-up']);
    expect(done.code, done.stderr).toBe(0);
  } // prettier-ignore
  const structure = `SELECT
     (SELECT json_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'NOT NULL' END,
        pg_get_expr(d.adbin, d.adrelid), col_description(attrelid, attnum)) ORDER BY attname)
      FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = attrelid AND d.adnum = attnum
      WHERE attrelid = 't'::regclass AND attnum > 0 AND attname NOT IN ('odd', 'ser')) AS columns,
     (SELECT json_agg(pg_get_indexdef(indexrelid) ORDER BY indexrelid::regclass::text) FROM pg_index
      WHERE indrelid = 't'::regclass AND indexprs IS NULL) AS indexes, obj_description('t'::regclass) AS comment, (SELECT json_agg(t) FROM t) AS rows`;
  expect(await queryPostgres(url, structure)).toEqual(await queryPostgres(sourceUrl, structure));
  const left = await queryPostgres(
    url,
    `SELECT attname, atthasdef, attnotnull FROM pg_attribute WHERE attrelid = 't'::regclass AND attname IN ('odd', 'ser') ORDER BY 1`,
  );
  expect(left).toEqual([
    { attname: 'odd', atthasdef: false, attnotnull: false },
    { attname: 'ser', atthasdef: false, attnotnull: true },
  ]);
  // A second copy into it finds nothing to put right.
  const file = path.join(folder, 'pipeline.yaml');
  expect((await weir.run(['reset', file])).code).toBe(0);
  await queryPostgres(url, 'TRUNCATE t');
  const { stdout, code } = await weir.run(['check', file]);
  expect(code, stdout).toBe(0);
  expect(stdout).not.toContain('is not what it is at the source');
});
