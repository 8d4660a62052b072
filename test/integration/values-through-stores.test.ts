import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { URL_SCHEMES } from '../../services/connectors/registry.ts';
import type { LogicalKind } from '../../shared/schema/logical-type.ts';
import { parseTypeName } from '../../shared/schema/type-name.ts';
import { copyThrough } from '../support/copied-through.ts';
import { dumpTable } from '../support/psql.ts';
import { PICK, RANDOM_VALUES } from '../support/random-values.ts';
import { serveStore } from '../support/served-store.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';

const server = usePostgres();
const ROWS = 60;

/** Values of a logical type by their edges: columns of PostgreSQL's types with SQL, or why none has values of it. */
type Cases = Readonly<Record<string, readonly string[]>> | { without: string };

const NOBODYS = 'no built-in store has columns of it';

/** A kind that is added must say its values here. */
const CASES: Readonly<Record<LogicalKind, Cases>> = {
  boolean: { boolean: ['true', 'false'] },
  integer: {
    smallint: ['-32768', '0', '32767'],
    integer: ['-2147483648', '2147483647'],
    bigint: ['-9223372036854775808', '9223372036854775807', '9007199254740993'],
  },
  float: {
    real: ["'NaN'", "'-Infinity'", "'-0'", '1e-45', '3.4028235e38', '16777216', '0.1'],
    'double precision': ["'NaN'", "'Infinity'", "'-0'", '5e-324', '1.7976931348623157e308', '1e23', '0.1'],
  },
  decimal: {
    numeric: ["'NaN'", '0.000', '-0.1', '1.0', '1.00', "'1e-1000'", "'-1e1000'", '12345678901234567890.1234567890'],
    'numeric(10,3)': ["'NaN'", '0', '-9999999.999', '9999999.999'],
  },
  string: {
    text: ["''", "' '", "'NULL'", "E'tab\\tnew\\nline\\\\back'", "'🐟👩‍👩‍👧‍👦 漢字'", "E'\\u0001\\u007f\\ufeff'", "E'\\\\N'"],
    'character varying(5)': ["''", "'ab   '", "'ünïcö'"],
    'character(5)': ["''", "'ab'", "'ünïcö'"],
  },
  bytes: { bytea: ["''", "'\\x00'", "'\\x00ff5c0a'"] },
  date: { date: ["'infinity'", "'-infinity'", "'0001-01-01'", "'9999-12-31'", "'0001-12-31 BC'", "'4713-01-01 BC'", "'2024-02-29'"] },
  time: {
    'time without time zone': ["'00:00'", "'24:00'", "'23:59:59.999999'"],
    'time with time zone': ["'00:00+15:59'", "'24:00-15:59'", "'12:34:56.789012+05:30'"],
  },
  timestamp: {
    'timestamp without time zone': ["'infinity'", "'0001-01-01 00:00:00'", "'9999-12-31 23:59:59.999999'", "'0044-03-15 12:00:00 BC'"],
    'timestamp with time zone': ["'-infinity'", "'2026-03-29 01:59:59.999999+01'", "'2026-10-25 02:30:00+02'", "'0044-03-15 12:00:00+00 BC'"],
  },
  interval: { interval: ["'0'", "'1 day'", "'24 hours'", "'-178000000 years'", "'1 mon -1 day +00:00:00.000001'", "'-838:59:59'"] },
  uuid: { uuid: ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"] },
  json: {
    json: ["'null'", `'{"b": 1,  "a":2, "b" :3}'`, `'"\\u0041 \\ud83d\\udc1f"'`, "'1.00'"],
    jsonb: ["'null'", `'{"b": 1, "a": {"deep": [1, 2.50, 1e400]}}'`, `'""'`, "'-0.0'"],
  },
  enum: { 'public.mood': ["'sad'", `'it''s "great"'`, "'ünïcödé'"] },
  bits: { 'bit(9)': ["B'000000000'", "B'101010101'"], 'bit varying': ["B''", "B'1'"] },
  array: {
    'integer[]': ["'{}'", "'{1,NULL,3}'", "'{{1,2},{3,NULL}}'", "'[2:3][-1:0]={{1,2},{3,4}}'"],
    'text[]': ["'{}'", `ARRAY['', NULL, 'NULL', 'a,b', '{x}', '"q"', E'back\\\\slash', U&'\\00A0']`],
    'numeric(6,2)[]': ["'{NaN,1.00,NULL}'"],
  },
  other: { inet: ["'127.0.0.1'", "'2001:db8::1/64'"], point: ["'(1.5,-0)'"], int4range: ["'empty'", "'[1,5)'", "'(,)'"] },
  // Documents and their ids go through all stores in documents-through-stores.test.ts.
  document: { without: NOBODYS },
  objectId: { without: NOBODYS },
  set: { without: NOBODYS },
  geometry: { without: 'the servers of the tests have no extension with it' },
  vector: { without: 'the servers of the tests have no extension with it' },
}; // prettier-ignore

const EDGES: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.values(CASES).flatMap((cases) => ('without' in cases ? [] : Object.entries(cases))),
);

const TYPES = [...new Set([...Object.keys(EDGES), ...Object.keys(RANDOM_VALUES)])];
const MOOD = `CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s "great"', 'ünïcödé')`;
const TABLE = `CREATE TABLE vals (id integer PRIMARY KEY, ${TYPES.map((type, i) => `c${i} ${type}`).join(', ')})`;

const RANDOM_TABLE = `CREATE SCHEMA random; CREATE TABLE random.table_1 (id bigint PRIMARY KEY, name text, amount numeric(14,2),
  ratio double precision, active boolean, made_at timestamptz, note text, payload text)`;

/** NULL, then the edges, then values that nobody has thought of. */
function rowSql(type: string): string {
  const edges = EDGES[type] ?? [];
  const cases = edges.map((edge, i) => `WHEN ${i + 1} THEN (${edge})::${type}`);
  const random = RANDOM_VALUES[type];
  const other = random === undefined ? (edges[0] ?? 'NULL') : random;
  return `CASE n WHEN 0 THEN NULL::${type} ${cases.join(' ')} ELSE (${other})::${type} END`;
}

async function rowsOf(): Promise<string> {
  const seed = Number(process.env['WEIR_SEED'] ?? Date.now() % 2 ** 31);
  process.stderr.write(`values through stores: WEIR_SEED=${seed}\n`);
  const url = await server.createDatabase();
  await queryPostgres(
    url,
    `${PICK}; ${MOOD}; ${TABLE}; SELECT setseed(${(seed % 1000) / 1000}); SET TimeZone = 'UTC';
     INSERT INTO vals SELECT n, ${TYPES.map(rowSql).join(', ')} FROM generate_series(0, ${ROWS}) n`,
  );
  return url;
}

it.each(Object.entries(CASES))('the values of %s are of that kind', (kind, cases) => {
  const types = 'without' in cases ? [] : Object.keys(cases);
  // An enum is one by the catalog alone.
  const named = types.filter((type) => type !== 'public.mood');
  expect(named.map((type) => parseTypeName(type).kind)).toEqual(named.map(() => kind));
});

type BuiltIn = NonNullable<(typeof URL_SCHEMES)[keyof typeof URL_SCHEMES]['connector']>;

/** A table of a store. */
interface Held {
  url: string;
  table: string;
  rows: number;
}

/** Where a table goes; `shown`: a database that then has it, by whatever way; null where it is only counted. */
type MakeTarget = (held: Held) => Promise<{ url: string; shown: () => Promise<string | null> }>;

it('values of every type come through every pair of built-in stores as the text that the first one prints', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-through-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const state = path.join(folder, 'state');
  let made = 0;
  const next = (): string => `${++made}`;
  const served = async (url: string): Promise<string> =>
    `grpc://${(await serveStore(url, { name: `served-${next()}` })).address}`;

  const valuesUrl = await rowsOf();
  const values = { table: 'vals', rows: ROWS + 1 };
  const generated = { url: `random:?seed=7&rows=${ROWS}`, table: 'random.table_1', rows: ROWS };
  const files = (format: string): string => `file:${folder}/${next()}${format}`;
  const jsonl = files('');
  await copyThrough(valuesUrl, jsonl, state);
  /** With the empty tables that the source's stand for, as types only PostgreSQL has are made by nobody else. */
  const emptied = async ({ table }: Held): Promise<string> => {
    const url = await server.createDatabase();
    await queryPostgres(url, table === 'vals' ? `${MOOD}; ${TABLE}` : RANDOM_TABLE);
    return url;
  };

  const sources: Readonly<Record<BuiltIn, readonly Held[]>> = {
    postgres: [{ ...values, url: valuesUrl }],
    file: [{ ...values, url: jsonl }],
    grpc: [
      { ...values, url: await served(valuesUrl) },
      { ...values, url: await served(jsonl) },
      { ...generated, url: await served(generated.url) },
    ],
    random: [generated],
    null: [],
  };
  const toFiles =
    (format: string): MakeTarget =>
    (held) => {
      const url = files(format);
      const shown = async (): Promise<string> => {
        const database = await emptied(held);
        await copyThrough(url, database, state);
        return database;
      };
      return Promise.resolve({ url, shown });
    };
  const targets: Readonly<Record<BuiltIn, readonly MakeTarget[]>> = {
    postgres: [
      async (held) => {
        const url = await emptied(held);
        return { url, shown: () => Promise.resolve(url) };
      },
    ],
    file: [toFiles(''), toFiles('?format=csv&delimiter=%3B&gzip=true')],
    grpc: [
      async (held) => {
        const database = await emptied(held);
        return { url: await served(database), shown: () => Promise.resolve(database) };
      },
    ],
    null: [() => Promise.resolve({ url: 'null:', shown: () => Promise.resolve(null) })],
    random: [],
  };

  const random = await emptied(generated);
  await copyThrough(generated.url, random, state);
  const expected: Readonly<Record<string, string[]>> = {
    vals: await dumpTable(valuesUrl, 'vals'),
    [generated.table]: await dumpTable(random, generated.table),
  };
  expect(Object.values(expected).map(({ length }) => length)).toEqual([ROWS + 1, ROWS]);
  for (const [from, helds] of Object.entries(sources))
    for (const held of helds)
      for (const [to, makers] of Object.entries(targets))
        for (const make of makers) {
          const way = `${held.table} from ${from} to ${to}`;
          // Documents go into folders as documents, which another test looks at.
          if (from === 'grpc' && to === 'file') continue;
          const { url, shown } = await make(held);
          expect(await copyThrough(held.url, url, state), way).toBe(held.rows);
          const database = await shown();
          if (database !== null)
            expect(await dumpTable(database, held.table), way).toEqual(expected[held.table]);
        }
});
