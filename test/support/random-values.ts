/** Random values as SQL; `n` counts them. `pick` of a number is one below it. */
export const RANDOM_VALUES: Readonly<Record<string, string>> = {
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

/** For the above: a number from 0 up to one below `most`. */
export const PICK = `CREATE FUNCTION pick(most int) RETURNS int LANGUAGE sql AS 'SELECT floor(random() * most)::int'`;
