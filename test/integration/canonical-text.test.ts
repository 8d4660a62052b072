import { expect, it } from 'vitest';
import { type Codec, compileCodec } from '../../shared/row/canonical/codec.ts';
import { parseTypeName } from '../../shared/schema/type-name.ts';
import { Refusal } from '../../shared/row/canonical/refusal.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';

const server = usePostgres();
const COUNT = 5_000;

/** Random values as SQL; `n` counts them. `pick` of a number is one below it. */
const VALUES: Record<string, string> = {
  smallint: '(random() * 65535 - 32768)::smallint',
  bigint: '((random() - 0.5) * 18446744073709551614)::numeric::bigint',
  'double precision': `CASE n % 4 WHEN 0 THEN 2 ^ (random() * 2000 - 1000)::int
    WHEN 1 THEN (pick(10000) || 'e' || pick(300))::float8 WHEN 2 THEN pick(1000000) / 100.0
    ELSE (random() - 0.5) * 10 ^ (random() * 60 - 30) END::float8`,
  real: `CASE n % 4 WHEN 0 THEN 2 ^ (random() * 250 - 125)::int WHEN 1 THEN (pick(10000) || 'e' || pick(34))::float8
    WHEN 2 THEN pick(100000000) / 8.0 ELSE (random() - 0.5) * 10 ^ (random() * 60 - 30) END::real`,
  numeric: '((random() - 0.5) * 10 ^ (random() * 40 - 20))::numeric',
  'numeric(10,3)': '((random() - 0.5) * 10 ^ (random() * 8 - 4))::numeric(10,3)',
  'character(5)': 'left(repeat(chr(33 + pick(900)), pick(6)), 5)::char(5)',
  bytea: `decode(left(md5(n::text), 2 * pick(16)), 'hex')`,
  uuid: 'md5(n::text)::uuid',
  date: `'epoch'::date + ((random() - 0.5) * 4000000)::int`,
  'timestamp(3) without time zone': `(to_timestamp((random() - 0.5) * 3e10))::timestamp(3)`,
  'timestamp with time zone': 'to_timestamp((random() - 0.5) * 2e11)',
  'time without time zone': `('epoch'::timestamp + random() * interval '1 day')::time`,
  'time with time zone': `(('epoch'::timestamp + random() * interval '1 day')::time || substr('+-', 1 + pick(2), 1) || make_interval(secs => pick(57000))::text)::timetz`,
  interval: `make_interval(months => (pick(60) - 30) * pick(2), days => (pick(60) - 30) * pick(2), secs => (random() * 4e5 - 2e5) * pick(2))`,
  jsonb: `jsonb_build_object(md5(n::text), random(), chr(1 + pick(300)), repeat(chr(1 + pick(40)), 3), 'z', ARRAY[n * 1.50, NULL, -n])`,
  'bit varying': `pick(2000000000)::bit(31)::varbit`,
  'text[]': `ARRAY[chr(1 + pick(300)), md5(n::text), '', NULL, 'NULL', chr(1 + pick(127)) || 'x']`,
  'numeric(6,2)[]': 'ARRAY[[random() * 100, NULL], [n % 7, -0.001]]::numeric(6,2)[]',
};

it('what the database prints of a value is its canonical form already', async () => {
  const seed = Number(process.env['WEIR_SEED'] ?? Date.now() % 2 ** 31);
  process.stderr.write(`canonical text: WEIR_SEED=${seed}\n`);
  const url = await server.createDatabase();
  await queryPostgres(
    url,
    `CREATE FUNCTION pick(most int) RETURNS int LANGUAGE sql AS 'SELECT floor(random() * most)::int'`,
  );
  for (const [type, value] of Object.entries(VALUES)) {
    const codec = compileCodec(parseTypeName(type));
    const rows = await queryPostgres(
      url,
      `SELECT set_config('IntervalStyle', 'postgres', false), set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, YMD', false);
       SELECT setseed(${(seed % 1000) / 1000}); SELECT concat(${value}) AS text FROM generate_series(1, ${COUNT}) n`,
    );
    const others = (rows as { text: string }[])
      .map(({ text }) => [text, read(codec, text)])
      .filter(([text, canonical]) => canonical !== text);
    expect({ type, others: others.slice(0, 10) }).toEqual({ type, others: [] });
  }
});

function read(codec: Codec, text: string): string {
  try {
    return codec.read(text);
  } catch (error) {
    if (error instanceof Refusal) return `refused: ${error.reason}`;
    throw error;
  }
}
