/**
 * A table for each family of types with the values at its edges. Every row is written as SQL, so what arrives is
 * judged by the databases alone. `rows` are copied; then each table gets the same rows again with other keys, is
 * updated (every row's value becomes that of the next row) and loses rows, all of which must be followed.
 */
export interface ValueTable {
  name: string;
  /** Before the table, at the source only: what the target lacks is created by Weir. */
  types?: string;
  /** Of the column `v`. */
  type: string;
  /** SQL expressions for `v`. */
  values: readonly string[];
  /** Least version of the server. */
  since?: number;
  extension?: string;
}

const q = (text: string): string => `'${text.replaceAll("'", "''")}'`;

export const VALUE_TABLES: readonly ValueTable[] = [
  { name: 'v_smallint', type: 'smallint', values: ['0', '-32768', '32767', 'NULL'] },
  { name: 'v_integer', type: 'integer', values: ['0', '-2147483648', '2147483647', 'NULL'] },
  {
    name: 'v_bigint',
    type: 'bigint',
    values: ['0', '-9223372036854775808', '9223372036854775807', '9007199254740993', 'NULL'],
  },
  {
    name: 'v_numeric',
    type: 'numeric',
    values: [
      "'NaN'",
      '0',
      '0.000',
      '-0.1',
      '1.0',
      '1.00',
      `${'1234567890'.repeat(100)}.${'0987654321'.repeat(100)}`,
      "'1e-1000'",
      "'-1e1000'",
      'NULL',
    ],
  },
  {
    name: 'v_numeric_infinity',
    type: 'numeric',
    since: 14,
    values: ["'Infinity'", "'-Infinity'", '1'],
  },
  { name: 'v_numeric_scale', type: 'numeric(10,3)', values: ['1', '1.5', '-9999999.999', 'NULL'] },
  {
    name: 'v_real',
    type: 'real',
    values: ["'NaN'", "'Infinity'", "'-Infinity'", "'-0'", '1e-45', '3.4028235e38', '0.1', 'NULL'],
  },
  {
    name: 'v_double',
    type: 'double precision',
    values: ["'NaN'", "'Infinity'", "'-0'", '5e-324', '1.7976931348623157e308', '0.1', 'NULL'],
  },
  { name: 'v_boolean', type: 'boolean', values: ['true', 'false', 'NULL'] },
  { name: 'v_money', type: 'money', values: ["'-92233720368547758.08'", "'0'", "'12.34'", 'NULL'] },
  {
    name: 'v_text',
    type: 'text',
    values: [
      "''",
      "' '",
      "'NULL'",
      "E'\\\\N'",
      "E'\\\\.'",
      "E'tab\\there\\nnew line\\r\\nreturn\\\\back'",
      "'🐟👩‍👩‍👧‍👦 ünïcödé 漢字 עברית'",
      "E'\\u0001\\u001f\\u007f\\u200b\\ufeff'",
      "repeat('long and compressible ', 100000)",
      "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 40000) i)",
      'NULL',
    ],
  },
  { name: 'v_varchar', type: 'varchar(5)', values: ["''", "'ab   '", "'ünïcö'", 'NULL'] },
  { name: 'v_char', type: 'char(5)', values: ["''", "'ab'", "'ünïcö'", 'NULL'] },
  { name: 'v_name', type: 'name', values: ["'n'", "'a name with spaces'", 'NULL'] },
  { name: 'v_internal_char', type: '"char"', values: ["'a'", "''", 'NULL'] },
  {
    name: 'v_bytea',
    type: 'bytea',
    values: [
      "''",
      "'\\x00'",
      "decode(string_agg_all(), 'hex')",
      "decode(repeat('00ff', 200000), 'hex')",
      'NULL',
    ],
  },
  {
    name: 'v_date',
    type: 'date',
    values: [
      "'infinity'",
      "'-infinity'",
      "'4713-01-01 BC'",
      "'5874897-12-31'",
      "'2024-02-29'",
      'NULL',
    ],
  },
  { name: 'v_time', type: 'time', values: ["'00:00'", "'24:00'", "'23:59:59.999999'", 'NULL'] },
  {
    name: 'v_timetz',
    type: 'timetz',
    values: ["'00:00+15:59'", "'24:00-15:59'", "'12:34:56.789012+05:30'", 'NULL'],
  },
  {
    name: 'v_timestamp',
    type: 'timestamp',
    values: [
      "'infinity'",
      "'-infinity'",
      "'4713-01-01 00:00:00 BC'",
      "'294276-12-31 23:59:59.999999'",
      "'2024-02-29 12:34:56.000001'",
      'NULL',
    ],
  },
  {
    name: 'v_timestamptz',
    type: 'timestamptz',
    values: [
      "'infinity'",
      "'-infinity'",
      "'0044-03-15 12:00:00+00 BC'",
      "'294276-12-31 23:59:59.999999+00'",
      "'1970-01-01 00:00:00.000001+14'",
      'NULL',
    ],
  },
  {
    name: 'v_timestamp_rounded',
    type: 'timestamptz(0)',
    values: ["'2024-01-01 00:00:00.6+00'", 'NULL'],
  },
  {
    name: 'v_interval',
    type: 'interval',
    values: [
      "'0'",
      "'1 day'",
      "'24 hours'",
      "'-178000000 years'",
      "'1 mon -1 day +00:00:00.000001'",
      'NULL',
    ],
  },
  {
    name: 'v_uuid',
    type: 'uuid',
    values: ["'00000000-0000-0000-0000-000000000000'", 'md5(random()::text)::uuid', 'NULL'],
  },
  {
    name: 'v_json',
    type: 'json',
    values: [
      "'null'",
      q('{"b": 1,  "a":2, "b" :3}'),
      q('"\\u0041 \\ud83d\\udc1f"'),
      "'[]'",
      "'1.00'",
      'NULL',
    ],
  },
  {
    name: 'v_jsonb',
    type: 'jsonb',
    values: [
      "'null'",
      q('{"b": 1, "a": {"deep": [1, 2.50, 1e400]}}'),
      '\'""\'',
      "'12345678901234567890.1234567890'",
      "(SELECT jsonb_object_agg(i::text, repeat('x', 50)) FROM generate_series(1, 2000) i)",
      'NULL',
    ],
  },
  { name: 'v_xml', type: 'xml', values: ['\'<a b="1"> <c/> </a>\'', "'text only'", 'NULL'] },
  {
    name: 'v_integer_array',
    type: 'integer[]',
    values: ["'{}'", "'{1,NULL,3}'", "'{{1,2},{3,NULL}}'", "'[2:3][-1:0]={{1,2},{3,4}}'", 'NULL'],
  },
  {
    name: 'v_text_array',
    type: 'text[]',
    values: [
      "'{}'",
      "ARRAY['', NULL, 'NULL', 'a,b', '{x}', '\"quoted\"', E'back\\\\slash', '🐟']",
      "ARRAY[ARRAY['a'],ARRAY['b']]",
      'NULL',
    ],
  },
  {
    name: 'v_numeric_array',
    type: 'numeric(20,5)[]',
    values: ["'{NaN,1.00000,NULL}'", "'{}'", 'NULL'],
  },
  {
    name: 'v_jsonb_array',
    type: 'jsonb[]',
    values: [`ARRAY['null'::jsonb, NULL, '{"a":[1]}']`, 'NULL'],
  },
  {
    name: 'v_enum',
    types: `CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s "great"', 'ünïcödé')`,
    type: 'mood',
    values: ["'sad'", `'it''s "great"'`, "'ünïcödé'", 'NULL'],
  },
  { name: 'v_enum_array', type: 'mood[]', values: ["'{sad,NULL,ünïcödé}'", "'{}'", 'NULL'] },
  {
    name: 'v_domain',
    types: `CREATE DOMAIN positive AS numeric CHECK (VALUE > 0)`,
    type: 'positive',
    values: ['1', '1.500', 'NULL'],
  },
  {
    name: 'v_domain_array',
    types: `CREATE DOMAIN small_ints AS integer[] CHECK (cardinality(VALUE) < 10)`,
    type: 'small_ints',
    values: ["'{1,2,NULL}'", 'NULL'],
  },
  {
    name: 'v_composite',
    types: `CREATE TYPE address AS (street text, "House No" integer, moods mood[], at timestamptz)`,
    type: 'address',
    values: [
      `ROW('Main "St", (x)', 5, '{sad}', '2024-01-01+00')::address`,
      `ROW(NULL, NULL, NULL, NULL)::address`,
      `ROW('', 0, '{}', 'infinity')::address`,
      'NULL',
    ],
  },
  {
    name: 'v_composite_array',
    type: 'address[]',
    values: [`ARRAY[ROW('a', 1, '{ok}', NULL)::address, NULL]`, "'{}'", 'NULL'],
  },
  {
    name: 'v_int4range',
    type: 'int4range',
    values: ["'empty'", "'[1,5)'", "'(,5]'", "'(,)'", 'NULL'],
  },
  { name: 'v_numrange', type: 'numrange', values: ["'empty'", "'(1.50,2.50]'", "'[0,)'", 'NULL'] },
  {
    name: 'v_tstzrange',
    type: 'tstzrange',
    values: ["'[2024-01-01+00,infinity)'", "'[,2024-01-01+00)'", "'empty'", 'NULL'],
  },
  { name: 'v_daterange', type: 'daterange', values: ["'[2024-01-01,2024-02-01]'", 'NULL'] },
  {
    name: 'v_multirange',
    type: 'int4multirange',
    since: 14,
    values: ["'{}'", "'{[1,3),[5,9)}'", 'NULL'],
  },
  {
    name: 'v_own_range',
    types: `CREATE TYPE float_range AS RANGE (subtype = double precision, subtype_diff = float8mi)`,
    type: 'float_range',
    values: ["'[1.5,2.5)'", "'empty'", 'NULL'],
  },
  { name: 'v_bit', type: 'bit(9)', values: ["B'000000000'", "B'101010101'", 'NULL'] },
  {
    name: 'v_varbit',
    type: 'bit varying',
    values: ["B''", "B'1'", "repeat('10', 5000)::varbit", 'NULL'],
  },
  {
    name: 'v_inet',
    type: 'inet',
    values: ["'127.0.0.1'", "'10.1.2.3/8'", "'::1'", "'2001:db8::1/64'", 'NULL'],
  },
  { name: 'v_cidr', type: 'cidr', values: ["'10.0.0.0/8'", "'2001:db8::/32'", 'NULL'] },
  { name: 'v_macaddr', type: 'macaddr', values: ["'08:00:2b:01:02:03'", 'NULL'] },
  { name: 'v_macaddr8', type: 'macaddr8', values: ["'08:00:2b:01:02:03:04:05'", 'NULL'] },
  { name: 'v_point', type: 'point', values: ["'(1.5,-0)'", "'(NaN,Infinity)'", 'NULL'] },
  { name: 'v_line', type: 'line', values: ["'{1,2,3}'", 'NULL'] },
  { name: 'v_lseg', type: 'lseg', values: ["'[(0,0),(1,1)]'", 'NULL'] },
  { name: 'v_box', type: 'box', values: ["'(1,1),(0,0)'", 'NULL'] },
  { name: 'v_path', type: 'path', values: ["'[(0,0),(1,1)]'", "'((0,0),(1,1))'", 'NULL'] },
  { name: 'v_polygon', type: 'polygon', values: ["'((0,0),(1,1),(1,0))'", 'NULL'] },
  { name: 'v_circle', type: 'circle', values: ["'<(0,0),1.5>'", 'NULL'] },
  { name: 'v_tsvector', type: 'tsvector', values: [`'fat:2,4A cat:3B ''quo te'''`, "''", 'NULL'] },
  { name: 'v_tsquery', type: 'tsquery', values: [`'fat & (rat | !cat:*A) <2> dog'`, "''", 'NULL'] },
  { name: 'v_int2vector', type: 'int2vector', values: ["''", "'1 -2'", 'NULL'] },
  { name: 'v_pg_lsn', type: 'pg_lsn', values: ["'0/0'", "'FFFFFFFF/FFFFFFFF'", 'NULL'] },
  { name: 'v_oid', type: 'oid', values: ['0', "'4294967295'", 'NULL'] },
  { name: 'v_regclass', type: 'regclass', values: ["'pg_class'", "'pg_catalog.pg_type'", 'NULL'] },
  { name: 'v_regtype', type: 'regtype', values: ["'integer'", "'mood'", 'NULL'] },
  { name: 'v_snapshot', type: 'txid_snapshot', values: ["'10:20:10,14,15'", 'NULL'] },
  {
    name: 'v_hstore',
    extension: 'hstore',
    type: 'hstore',
    values: [`'a=>1, "b c"=>NULL, "quo\\"te"=>""'`, "''", 'NULL'],
  },
  { name: 'v_citext', extension: 'citext', type: 'citext', values: ["'Mixed'", "'mixed'", 'NULL'] },
].map((table) => ({
  ...table,
  values: table.values.map((value) =>
    value.replace(
      'string_agg_all()',
      "(SELECT string_agg(lpad(to_hex(i), 2, '0'), '') FROM generate_series(0, 255) i)",
    ),
  ),
}));
