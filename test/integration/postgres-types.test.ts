import { expect, it } from 'vitest';
import { createRandom } from '../../infra/demo/random.ts';
import { readCatalog } from '../../services/connectors/postgres/catalog/catalog.ts';
import { connect } from '../../services/connectors/postgres/connection/connection.ts';
import { readTypeCatalog } from '../../services/connectors/postgres/catalog/type-catalog.ts';
import { mapType } from '../../services/connectors/postgres/types/to-native.ts';
import type { LogicalType } from '../../shared/schema/logical-type.ts';
import { randomLogicalType } from '../support/random-logical-type.ts';
import { majorVersion, queryPostgres, usePostgres } from '../support/servers.ts';

const postgres = usePostgres();

interface Named {
  oid: number;
  text: string;
}

async function logicalTypes(url: string, sql: string): Promise<Map<string, LogicalType>> {
  const client = await connect(url, { applicationName: 'test' });
  try {
    // As the catalog is read: with all names qualified.
    await client.query("SET search_path = ''");
    const { rows } = await client.query<Named>(sql);
    const types = await readTypeCatalog(
      client,
      rows.map(({ oid }) => oid),
    );
    return new Map(rows.map(({ oid, text }) => [text, types.logical(oid, text)]));
  } finally {
    await client.end();
  }
}

it('every type of the catalog is a logical one, and what holds that is the type itself wherever it says so', async () => {
  const url = await postgres.createDatabase();
  const types = await logicalTypes(
    url,
    `SELECT t.oid::int8::int AS oid, format_type(t.oid, -1) AS text FROM pg_type t
     JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = 'pg_catalog' AND t.typtype <> 'p'`,
  );
  expect(types.size).toBeGreaterThan(200);
  const mapped = [...types].map(([text, logical]) => ({ text, ...mapType(logical) }));
  const there = await queryPostgres(
    url,
    `SELECT to_regtype(native) = to_regtype(text) AS same FROM unnest($1::text[], $2::text[]) AS t(native, text)`,
    [mapped.map(({ native }) => native), mapped.map(({ text }) => text)],
  );
  // Text is text under any name, and has no limit that such a type has.
  const alike = /^(?:name|character varying)(?:\[\])?$/;
  const wrong = mapped.filter(({ text, fit }, i) => {
    const same = there[i]!['same'];
    return same !== true && !(same === false && (fit !== 'exact' || alike.test(text)));
  });
  expect(wrong).toEqual([]);
  const known = [...types].filter(([, { kind }]) => kind !== 'other' && kind !== 'array');
  expect(known.map(([text]) => text).sort()).toEqual(
    [
      ...['"bit"', 'bigint', 'bit varying', 'boolean', 'bpchar', 'bytea', 'character varying'],
      ...['date', 'double precision', 'integer', 'interval', 'json', 'jsonb', 'name', 'numeric'],
      ...['oid', 'real', 'smallint', 'text', 'time with time zone', 'time without time zone'],
      ...['timestamp with time zone', 'timestamp without time zone', 'uuid'],
    ].sort(),
  );
});

it('types of a user are what they are made of', async () => {
  const url = await postgres.createDatabase();
  await queryPostgres(
    url,
    `CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
     CREATE TYPE pair AS (a int, b text);
     CREATE TYPE span AS RANGE (subtype = float8);
     CREATE DOMAIN price AS numeric(12,4) CHECK (VALUE >= 0);
     CREATE DOMAIN dear AS price NOT NULL;
     CREATE TYPE "integer" AS ENUM ('one');
     CREATE TABLE t (m mood, ms mood[], p pair, s span, d dear, ds price[], i "integer", c char(4), v varchar(7)[],
       ts timestamptz(3), bits bit(5), n numeric(30,6))`,
  );
  const types = await logicalTypes(
    url,
    `SELECT atttypid::int8::int AS oid, format_type(atttypid, atttypmod) AS text FROM pg_attribute
     WHERE attrelid = 'public.t'::regclass AND attnum > 0 ORDER BY attnum`,
  );
  const mood = { kind: 'enum', name: 'public.mood', labels: ['sad', "it's ok"] };
  const price = { kind: 'decimal', precision: 12, scale: 4 };
  const text = { kind: 'string', fixed: false, comparison: 'bytes' };
  expect([...types.values()]).toEqual([
    mood,
    { kind: 'array', element: { ...mood } },
    { kind: 'other', store: 'postgres', name: 'public.pair' },
    { kind: 'other', store: 'postgres', name: 'public.span' },
    price,
    { kind: 'array', element: price },
    { kind: 'enum', name: 'public."integer"', labels: ['one'] },
    { kind: 'string', length: 4, fixed: true, comparison: 'padded' },
    { kind: 'array', element: { ...text, length: 7 } },
    { kind: 'timestamp', precision: 3, zone: true },
    { kind: 'bits', length: 5, varying: false },
    { kind: 'decimal', precision: 30, scale: 6 },
  ]);
});

it('whatever the logical type, PostgreSQL makes a column of what holds it, and of nothing else', async () => {
  const seed = Number(process.env['WEIR_SEED'] ?? Date.now() % 2 ** 31);
  process.stderr.write(`logical types: WEIR_SEED=${seed}\n`);
  const random = createRandom(seed);
  const url = await postgres.createDatabase();
  const types = Array.from({ length: 400 }, () => randomLogicalType(random));
  const version = (await majorVersion(url)) * 10_000;
  const map = (type: LogicalType) => mapType(type, { version });
  const mapped = [...new Set(types.map((type) => map(type).native))];
  await queryPostgres(
    url,
    `CREATE TABLE t (${mapped.map((native, i) => `c${i} ${native}`).join(', ')})`,
  );
  const made = await queryPostgres(
    url,
    `SELECT format_type(atttypid, atttypmod) AS text FROM pg_attribute
     WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY attnum`,
  );
  expect(made.map((row) => row['text'])).toEqual(mapped);
  for (const type of types) {
    const { fit, note } = map(type);
    expect(note === null, JSON.stringify(type)).toBe(fit === 'exact');
  }
});

it('a table is described to other kinds of store with all that they can understand of it', async () => {
  const url = await postgres.createDatabase();
  await queryPostgres(
    url,
    `CREATE TYPE mood AS ENUM ('sad', 'ok');
     CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
     CREATE TABLE t (b int, a text COLLATE folded, m mood NOT NULL DEFAULT 'ok', n numeric(5,2) DEFAULT -1.50,
       s varchar(9) DEFAULT 'it''s', at timestamptz DEFAULT now(), on_ boolean DEFAULT true, later date DEFAULT (now() + interval '1 day'),
       num int GENERATED ALWAYS AS IDENTITY, ser bigserial, nothing text DEFAULT NULL, twice int GENERATED ALWAYS AS (b * 2) STORED,
       PRIMARY KEY (a, b), UNIQUE (s, m));
     CREATE INDEX i ON t (n, "on_"); CREATE UNIQUE INDEX u ON t (num); CREATE INDEX x ON t (lower(s)); CREATE INDEX d ON t (n DESC);
     CREATE INDEX p ON t (n) WHERE b > 1;
     COMMENT ON TABLE t IS 'all of it'; COMMENT ON COLUMN t.s IS 'short'`,
  );
  const client = await connect(url, { applicationName: 'test' });
  try {
    const { tables } = await readCatalog(client, undefined);
    const { columns, key, uniques, indexes, comment } = tables[0]!.tableSchema;
    expect(columns.map(({ name, nullable, default: given }) => [name, nullable, given])).toEqual([
      ['b', false, null],
      ['a', false, null],
      ['m', false, { kind: 'value', text: 'ok' }],
      ['n', true, { kind: 'value', text: '-1.50' }],
      ['s', true, { kind: 'value', text: "it's" }],
      ['at', true, { kind: 'now' }],
      ['on_', true, { kind: 'value', text: 't' }],
      ['later', true, { kind: 'native', expression: "(now() + '1 day'::interval)" }],
      ['num', false, { kind: 'identity', always: true }],
      ['ser', false, { kind: 'identity', always: false }],
      ['nothing', true, null],
      ['twice', true, null],
    ]);
    const find = (name: string) => columns.find((each) => each.name === name)!;
    expect(find('a').logical).toMatchObject({ kind: 'string', comparison: 'folded' });
    expect(find('m').logical).toMatchObject({ kind: 'enum', labels: ['sad', 'ok'] });
    expect([find('twice').generated, find('s').comment, comment]).toEqual([
      ...[true, 'short', 'all of it'],
    ]);
    expect(key).toEqual(['a', 'b']);
    expect(uniques).toEqual([{ name: 't_s_m_key', columns: ['s', 'm'] }]);
    expect(indexes.map(({ name, columns: of, unique, native }) => [name, of, unique, native === null])).toEqual([
      ['d', ['n'], false, false],
      ['i', ['n', 'on_'], false, true],
      ['p', ['n'], false, false],
      ['u', ['num'], true, true],
      ['x', [], false, false],
    ]); // prettier-ignore
  } finally {
    await client.end();
  }
});
