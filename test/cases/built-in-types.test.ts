import path from 'node:path';
import { expect, it } from 'vitest';
import { connect, disconnect } from '../../services/connectors/postgres/connection/connection.ts';
import { readTypeCatalog } from '../../services/connectors/postgres/catalog/type-catalog.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';

const postgres = usePostgres();

/** Of each type that comes with PostgreSQL, values at its edges: literals, cast to it. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  bool: ['t', 'f'],
  bytea: ['', '\\x00ff5c'],
  char: ['', 'a', '\\'],
  name: ['', 'n'.repeat(63), 'with "quotes"'],
  int8: ['-9223372036854775808', '9223372036854775807', '0'],
  int2: ['-32768', '32767'],
  int4: ['-2147483648', '2147483647'],
  text: ['', 'NULL', '\\N', 'é🐟', '\u0001', ' '],
  oid: ['0', '4294967295'],
  tid: ['(0,0)', '(4294967295,65535)'],
  xid: ['0', '4294967295'],
  xid8: ['0', '18446744073709551615'],
  cid: ['0', '4294967295'],
  oidvector: ['', '1', '1 2 4294967295'],
  int2vector: ['', '-1', '1 2 3'],
  json: ['null', '{"b": 1,  "a":2, "b" :3}', '"\\u0041"', '[]', '""', ' 1 '],
  jsonb: ['null', '{}', '[]', '""', '{"": [1e400, "\\"é"]}'],
  jsonpath: ['$', 'strict $.a[*] ? (@ > 1 && @ starts with "x")', '$."a b".size()', '-1'],
  xml: ['', 'text', '<a b="1">é</a>', '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>', '<?xml version="1.1" standalone="yes"?><a/>', '<!DOCTYPE a><a/>', ' <a/> '],
  point: ['(0,-0)', '(NaN,Infinity)', '(5e-324,1.7976931348623157e308)'],
  lseg: ['[(0,0),(0,0)]', '[(1,2),(-3,Infinity)]'],
  path: ['((0,0))', '[(0,0)]', '[(0,0),(1,1)]', '((0,0),(1,1))'],
  box: ['(0,0),(0,0)', '(1,1),(-1,NaN)'],
  polygon: ['((0,0))', '((0,0),(1,1),(1,0))'],
  line: ['{1,2,3}', '{0,-1,0}', '{-1,0,Infinity}'],
  circle: ['<(0,0),0>', '<(0,0),Infinity>'],
  cidr: ['0.0.0.0/0', '10.0.0.0/8', '::/0', '2001:db8::/32', '255.255.255.255/32'],
  inet: ['0.0.0.0', '10.1.2.3/8', '::1', '2001:db8::1/64', '::ffff:1.2.3.4/0'],
  macaddr: ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff'],
  macaddr8: ['00:00:00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff:ff:ff'],
  float4: ['NaN', 'Infinity', '-Infinity', '-0', '1e-45', '3.4028235e38'],
  float8: ['NaN', 'Infinity', '-Infinity', '-0', '5e-324', '1.7976931348623157e308'],
  money: ['-92233720368547758.08', '92233720368547758.07', '0'],
  bpchar: ['', ' ', 'ab  '],
  varchar: ['', 'ab  '],
  date: ['infinity', '-infinity', '4713-01-01 BC', '5874897-12-31'],
  time: ['00:00', '24:00', '23:59:59.999999'],
  timestamp: ['infinity', '-infinity', '4713-01-01 00:00:00 BC', '294276-12-31 23:59:59.999999'],
  timestamptz: ['infinity', '-infinity', '4713-01-01 00:00:00+00 BC', '294276-12-31 23:59:59.999999+00'],
  timetz: ['00:00+15:59', '24:00-15:59', '12:34:56.789012+05:30:15'],
  interval: ['0', '-178000000 years', '178000000 years', '1 mon -1 day +00:00:00.000001', '2147483647 days'],
  bit: ['0', '1'],
  varbit: ['', '1', '10'.repeat(100)],
  numeric: ['NaN', '0', '0.000', '-0.1', '1e-1000', '-1e1000', '1.0', '1.00', '1e131071', '1e-16383'],
  refcursor: ['', 'c'],
  uuid: ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
  txid_snapshot: ['1:1:', '10:20:10,14,15'],
  pg_snapshot: ['1:1:', '10:20:10,14,15'],
  pg_lsn: ['0/0', 'FFFFFFFF/FFFFFFFF'],
  tsvector: ['', 'a:1,2A b:16383B', "'quo ''te' '\\\\'"],
  tsquery: ['', 'a', '!a', 'fat & (rat | !cat:*ABCD) <2> dog', "'quo ''te'"],
  int4range: ['empty', '[1,5)', '(,5]', '(,)'],
  int8range: ['empty', '[1,5)', '(,)'],
  numrange: ['empty', '(1.50,2.50]', '[0,)', '[NaN,NaN]'],
  tsrange: ['empty', '[infinity,)', '(,)'],
  tstzrange: ['empty', '[2024-01-01+00,infinity)', '(,)'],
  daterange: ['empty', '[2024-01-01,2024-02-01]', '[,infinity)'],
  int4multirange: ['{}', '{[1,3),[5,9)}', '{(,)}'],
  int8multirange: ['{}', '{[1,3),[5,9)}'],
  nummultirange: ['{}', '{[1.0,3.00),[5,9]}'],
  tsmultirange: ['{}', '{[-infinity,infinity]}'],
  tstzmultirange: ['{}', '{[-infinity,infinity]}'],
  datemultirange: ['{}', '{[2024-01-01,2024-02-01)}'],
}; // prettier-ignore

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;

it('every built-in type that travels in binary comes back from binary as it was, alone and in arrays', async () => {
  const url = await postgres.createDatabase();
  const types = (await queryPostgres(
    url,
    `SELECT t.oid::int AS oid, t.typname AS name, nullif(t.typarray, 0)::int AS array FROM pg_type t
     WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.oid < 10000 AND t.typtype IN ('b', 'r', 'm')
       AND (t.typelem = 0 OR t.typarray <> 0) ORDER BY 1`,
  )) as { oid: number; name: string; array: number | null }[];
  const client = await connect(url, { applicationName: 'test' });
  const catalog = await readTypeCatalog(
    client,
    types.flatMap(({ oid, array }) => [oid, ...(array === null ? [] : [array])]),
  );
  const safe = types.filter(({ oid }) => catalog.isBinarySafe(oid));
  // A type that a new version brings needs values here.
  expect(safe.map(({ name }) => name).filter((name) => !(name in VALUES))).toEqual([]);
  const wrong: string[] = [];
  const roundTrip = async (what: string, type: string, values: string[]): Promise<void> => {
    const file = quote(path.join(postgres.server.dataDirectory, 'values.bin'));
    const rows = [...values, 'NULL'].map((value, i) => `(${i}, ${value})`).join(', ');
    try {
      await client.query(
        `CREATE TABLE public.sent (i int, v ${type}); CREATE TABLE public.got (LIKE public.sent);
         INSERT INTO public.sent VALUES ${rows};
         COPY public.sent TO ${file} (FORMAT binary); COPY public.got FROM ${file} (FORMAT binary)`,
      );
      const text = async (table: string): Promise<unknown[]> =>
        (
          await client.query<{ v: string }>(
            `SELECT i, ROW(v)::text AS v FROM public.${table} ORDER BY i`,
          )
        ).rows;
      if (JSON.stringify(await text('sent')) !== JSON.stringify(await text('got')))
        wrong.push(`${what} differs`);
    } catch (error) {
      wrong.push(`${what}: ${String(error)}`);
    }
    await client.query('DROP TABLE IF EXISTS public.sent, public.got');
  };
  for (const { name, oid, array } of safe) {
    const type = `pg_catalog."${name}"`;
    const values = VALUES[name]!.map((value) => `${quote(value)}::${type}`);
    await roundTrip(name, type, values);
    if (array === null || !catalog.isBinarySafe(array)) continue;
    const nested = [`ARRAY[${values.join(', ')}, NULL]`, `ARRAY[]::${type}[]`];
    await roundTrip(`${name}[] (${oid})`, `${type}[]`, nested);
  }
  await disconnect(client);
  expect(wrong).toEqual([]);
});
