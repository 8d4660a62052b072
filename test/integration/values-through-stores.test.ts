import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { copyThrough } from '../support/copied-through.ts';
import { dumpTable } from '../support/psql.ts';
import { PICK, RANDOM_VALUES } from '../support/random-values.ts';
import { serveStore } from '../support/served-store.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';

const server = usePostgres();
const ROWS = 60;

/** Each logical type by its edges, as SQL; what is not among the random ones has these only. */
const EDGES: Readonly<Record<string, readonly string[]>> = {
  boolean: ['true', 'false'],
  smallint: ['-32768', '0', '32767'],
  integer: ['-2147483648', '2147483647'],
  bigint: ['-9223372036854775808', '9223372036854775807', '9007199254740993'],
  real: ["'NaN'", "'-Infinity'", "'-0'", '1e-45', '3.4028235e38', '16777216', '0.1'],
  'double precision': ["'NaN'", "'Infinity'", "'-0'", '5e-324', '1.7976931348623157e308', '1e23', '0.1'],
  numeric: ["'NaN'", '0.000', '-0.1', '1.0', '1.00', "'1e-1000'", "'-1e1000'", '12345678901234567890.1234567890'],
  'numeric(10,3)': ["'NaN'", '0', '-9999999.999', '9999999.999'],
  text: ["''", "' '", "'NULL'", "E'tab\\tnew\\nline\\\\back'", "'🐟👩‍👩‍👧‍👦 漢字'", "E'\\u0001\\u007f\\ufeff'", "E'\\\\N'"],
  'character varying(5)': ["''", "'ab   '", "'ünïcö'"],
  'character(5)': ["''", "'ab'", "'ünïcö'"],
  bytea: ["''", "'\\x00'", "'\\x00ff5c0a'"],
  date: ["'infinity'", "'-infinity'", "'0001-01-01'", "'9999-12-31'", "'0001-12-31 BC'", "'4713-01-01 BC'", "'2024-02-29'"],
  'time without time zone': ["'00:00'", "'24:00'", "'23:59:59.999999'"],
  'time with time zone': ["'00:00+15:59'", "'24:00-15:59'", "'12:34:56.789012+05:30'"],
  'timestamp without time zone': ["'infinity'", "'0001-01-01 00:00:00'", "'9999-12-31 23:59:59.999999'", "'0044-03-15 12:00:00 BC'"],
  'timestamp with time zone': ["'-infinity'", "'2026-03-29 01:59:59.999999+01'", "'2026-10-25 02:30:00+02'", "'0044-03-15 12:00:00+00 BC'"],
  interval: ["'0'", "'1 day'", "'24 hours'", "'-178000000 years'", "'1 mon -1 day +00:00:00.000001'", "'-838:59:59'"],
  uuid: ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
  json: ["'null'", `'{"b": 1,  "a":2, "b" :3}'`, `'"\\u0041 \\ud83d\\udc1f"'`, "'1.00'"],
  jsonb: ["'null'", `'{"b": 1, "a": {"deep": [1, 2.50, 1e400]}}'`, `'""'`, "'-0.0'"],
  'bit(9)': ["B'000000000'", "B'101010101'"],
  'bit varying': ["B''", "B'1'"],
  'integer[]': ["'{}'", "'{1,NULL,3}'", "'{{1,2},{3,NULL}}'", "'[2:3][-1:0]={{1,2},{3,4}}'"],
  'text[]': ["'{}'", `ARRAY['', NULL, 'NULL', 'a,b', '{x}', '"q"', E'back\\\\slash', U&'\\00A0']`],
  'numeric(6,2)[]': ["'{NaN,1.00,NULL}'"],
  inet: ["'127.0.0.1'", "'2001:db8::1/64'"],
  point: ["'(1.5,-0)'"],
}; // prettier-ignore

const TYPES = [...new Set([...Object.keys(EDGES), ...Object.keys(RANDOM_VALUES)])];
const TABLE = `CREATE TABLE vals (id integer PRIMARY KEY, ${TYPES.map((type, i) => `c${i} ${type}`).join(', ')})`;

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
    `${PICK}; ${TABLE}; SELECT setseed(${(seed % 1000) / 1000}); SET TimeZone = 'UTC';
     INSERT INTO vals SELECT n, ${TYPES.map(rowSql).join(', ')} FROM generate_series(0, ${ROWS}) n`,
  );
  return url;
}

it('values of every type come through every pair of stores as the text that the first one prints', async () => {
  const sourceUrl = await rowsOf();
  const expected = await dumpTable(sourceUrl, 'vals');
  expect(expected).toHaveLength(ROWS + 1);
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-through-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const emptied = async (): Promise<string> => {
    const url = await server.createDatabase();
    await queryPostgres(url, TABLE);
    return url;
  };
  const served = async (url: string): Promise<string> =>
    `grpc://${(await serveStore(url, { name: `served-${path.basename(url)}` })).address}`;
  const jsonl = `file:${folder}/jsonl`;
  const csv = `file:${folder}/csv?format=csv&delimiter=%3B&gzip=true`;
  const state = path.join(folder, 'state');
  /** From a store that has them, by stores in between, to one that shows them. */
  const pass = async (way: string, from: string, to: string, shown: string): Promise<void> => {
    await copyThrough(from, to, state);
    expect(await dumpTable(shown, 'vals'), way).toEqual(expected);
  };

  await copyThrough(sourceUrl, jsonl, state);
  await copyThrough(sourceUrl, csv, state);
  const [a, b, c, d, e] = [await emptied(), await emptied(), await emptied(), await emptied(), await emptied()]; // prettier-ignore
  await pass('by JSON lines', jsonl, a, a);
  await pass('by CSV', csv, b, b);
  await pass('to a served one', sourceUrl, await served(c), c);
  await pass('from a served one', await served(sourceUrl), d, d);
  await pass('from CSV to a served one', csv, await served(e), e);
  const [f, g] = [await emptied(), await emptied()];
  await pass('from served files', await served(jsonl), f, f);
  await pass('from a served one to a served one', await served(a), await served(g), g);
  // From JSON lines to CSV and back, by the connectors of files alone.
  const again = `file:${folder}/again?format=csv`;
  await copyThrough(jsonl, again, state);
  const h = await emptied();
  await pass('from file to file', again, h, h);
});
