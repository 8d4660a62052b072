import { describe, expect, it, onTestFinished } from 'vitest';
import type { RouteForm } from '../../shared/change/relation.ts';
import { KEY_FORMS } from '../../shared/row/key-form/key-form.ts';
import { mostBytes } from '../../shared/row/key-form/write-form.ts';
import { dumpTables } from '../support/psql.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { countRows, createPipeline } from '../support/shop-pipeline.ts';
import { SourcePipeline } from '../support/source-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

const SEED = Number(process.env['WEIR_SEED'] ?? Date.now() % 1_000_000);

/** A small generator (mulberry32), so that a seed says it all. */
let state = SEED;
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below) | 0;
}

function pick<T>(all: readonly T[]): T {
  return all[random(all.length)]!;
}

function digits(most: number): string {
  return Array.from({ length: random(most) + 1 }, () => pick('0000123459'.split(''))).join('');
}

function number(): string {
  const sign = pick(['', '-']);
  if (random(4) === 0) return `${sign}${digits(30)}`;
  return `${sign}${digits(9)}.${digits(12)}${'0'.repeat(random(6))}`;
}

/** Any 32 bits are some float. */
function float32(): string {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setUint32(0, random(2 ** 16) * 2 ** 16 + random(2 ** 16));
  return String(bits.getFloat32(0));
}

function address(): string {
  if (random(2) === 0) return Array.from({ length: 4 }, () => random(2) * random(256)).join('.');
  const groups = Array.from({ length: 8 }, () => (random(2) * random(65_536)).toString(16));
  return pick([groups.join(':'), `::ffff:${random(256)}.0.${random(256)}.1`, '::', '::1', '1::']);
}

const two = (below: number): string => String(random(below)).padStart(2, '0');

interface Case {
  form: RouteForm;
  type: string;
  send: string;
  value: () => string;
  /** Values of one form are equal, too. */
  exact: boolean;
}

const CASES: Case[] = [
  {
    form: 'numeric',
    type: 'numeric',
    send: 'numeric_send',
    exact: true,
    value: () => pick([number, () => digits(2), () => pick(['NaN', '0.000', '-0', '1e20', '1e-9'])])(),
  },
  {
    form: 'float8',
    type: 'float8',
    send: 'float8send',
    exact: true,
    value: () => pick([number, () => pick(['-0', '0', 'NaN', 'Infinity', '5e-324', '1e300'])])(),
  },
  {
    form: 'float4',
    type: 'float4',
    send: 'float4send',
    exact: true,
    value: () => pick([float32, () => pick(['-0', '0', 'NaN', '-Infinity', '1e-45'])])(),
  },
  {
    form: 'timetz',
    type: 'timetz',
    send: 'timetz_send',
    exact: true,
    value: () =>
      `${two(4)}:${pick(['00', '30'])}:00${pick(['', '.5', '.000001'])}${pick(['+', '-'])}${two(4)}:${pick(['00', '30', '30:15'])}`,
  },
  { form: 'inet', type: 'inet', send: 'inet_send', exact: true, value: () => `${address()}${pick(['', '/8', '/32'])}` },
  { form: 'cidr', type: 'cidr', send: 'cidr_send', exact: true, value: () => pick(['10.0.0.0/8', '10.0.0.0/9', '::/0', '1::/16', `10.${random(9)}.0.0/16`]) },
  {
    form: 'trimmed',
    type: 'bpchar',
    send: 'bpcharsend',
    exact: true,
    value: () => pick(['a', 'b', '☃', 'a b', '']) + ' '.repeat(random(4)),
  },
  {
    form: 'caseless',
    type: 'citext',
    send: 'citextsend',
    exact: false,
    value: () => Array.from({ length: 1 + random(2) }, () => pick([...'aAbiIİıkKKsſΣσς1ßẞ'])).join(''),
  },
]; // prettier-ignore

function formOf(form: RouteForm, as: 'text' | 'binary', value: Buffer): string {
  const write = KEY_FORMS[form][as];
  if (write === null) return value.toString('hex');
  const bytes = Buffer.alloc(mostBytes(value.length, 1));
  // Somewhere in something longer, as in a key.
  const all = Buffer.concat([Buffer.from('12'), value, Buffer.from('34')]);
  return bytes.toString('hex', 0, write(bytes, 0, all, 2, 2 + value.length));
}

describe('the normal form of a key', () => {
  it.each(CASES)(
    `of $type is the same for values that the server takes for equal, as text and as binary (seed ${SEED})`,
    async ({ form, type, send, value, exact }) => {
      const url = await source.createDatabase();
      await queryPostgres(url, 'CREATE EXTENSION citext');
      const values = Array.from({ length: 400 }, value);
      const rows = (await queryPostgres(
        url,
        `WITH v AS (SELECT i, x::${type} AS v FROM unnest($1::text[]) WITH ORDINALITY AS u(x, i))
         SELECT pg_catalog.format('%s', v) AS text, encode(${send}(v), 'hex') AS binary,
           (SELECT json_agg(o.i - 1) FROM v o WHERE o.v = v.v) AS equals
         FROM v ORDER BY i`,
        [values],
      )) as { text: string; binary: string; equals: number[] }[];
      const forms = rows.map(({ binary }) => formOf(form, 'binary', Buffer.from(binary, 'hex')));
      expect(rows.map(({ text }) => formOf(form, 'text', Buffer.from(text)))).toEqual(forms);
      const apart = rows.flatMap(({ text, equals }, i) =>
        equals.filter((j) => forms[j] !== forms[i]).map((j) => [text, rows[j]!.text]),
      );
      expect(apart).toEqual([]);
      expect(rows.some(({ text, equals }) => equals.some((j) => rows[j]!.text !== text)) || /timetz|inet|cidr/.test(type)).toBe(true); // prettier-ignore
      if (!exact) return;
      const groups = new Set(rows.map(({ equals }) => equals[0]));
      expect(new Set(forms).size).toBe(groups.size);
    },
  );

  it('of text that ignores case is that of its lower case, whatever the character and the locale', async () => {
    const url = await source.createDatabase();
    const wanted = [
      'C',
      'C.UTF-8',
      'C.utf8',
      'en_US.utf8',
      'tr_TR.utf8',
      'pg_c_utf8',
      'pg_unicode_fast',
    ];
    const collations = (await queryPostgres(
      url,
      `SELECT quote_ident(collname) AS name FROM pg_collation
       WHERE collname = ANY($1) OR collname ~ '^(und|en|tr|az|lt|el|de|nl)-x-icu$'`,
      [wanted],
    )) as { name: string }[]; // prettier-ignore
    expect(collations.length).toBeGreaterThan(0);
    for (const { name } of collations) {
      const rows = (await queryPostgres(
        url,
        `SELECT c AS character, lower(c COLLATE ${name}) AS small
         FROM (SELECT i, chr(i) AS c FROM generate_series(1, 1114111) i WHERE i NOT BETWEEN 55296 AND 57343) s
         WHERE i < 128 OR lower(c COLLATE ${name}) ~ '[\\x01-\\x7f]'`,
      )) as { character: string; small: string }[];
      expect(rows.length).toBeGreaterThanOrEqual(127);
      const formOfText = (text: string): string => formOf('caseless', 'text', Buffer.from(text));
      const apart = rows.filter(
        ({ character, small }) => formOfText(character) !== formOfText(small),
      );
      expect(apart, name).toEqual([]);
    }
  });
});

describe('rows whose keys may be written in several ways', () => {
  it('spread over the lanes, and those of one key stay in order', async () => {
    const pipeline = await createPipeline(source, target);
    const { sourceUrl, targetUrl } = pipeline;
    const tables: Record<string, string> = { numeric: 'i + 0.50', citext: `'Key ' || i`, bpchar: `i || ' '`, float8: 'i', timetz: `'00:00+00'::timetz + i * '1s'::interval`, inet: `'10.0.0.0'::inet + i` }; // prettier-ignore
    const names = Object.keys(tables);
    for (const url of [sourceUrl, targetUrl]) await queryPostgres(url, 'CREATE EXTENSION IF NOT EXISTS citext'); // prettier-ignore
    for (const [type, key] of Object.entries(tables))
      await queryPostgres(sourceUrl, `CREATE TABLE t_${type} (k ${type} PRIMARY KEY, v int); INSERT INTO t_${type} SELECT ${key}, 0 FROM generate_series(0, 299) i`); // prettier-ignore
    const reader = new SourcePipeline(sourceUrl);
    onTestFinished(() => reader.close());
    const { relations } = await reader.source.check({ mode: 'snapshot+changes', namespaces: undefined, lanes: 4 }); // prettier-ignore
    for (const { relation } of relations)
      expect(relation).toMatchObject({ order: 'key', route: [{ column: 0 }] });
    const running = weir.start(['run', pipeline.file]);
    await running.waitForLine(/streaming/);
    for (let round = 1; round <= 6; round++)
      await queryPostgres(
        sourceUrl,
        `UPDATE t_numeric SET k = round(k, ${round}), v = v + 1;
         UPDATE t_citext SET k = CASE WHEN v % 2 = 0 THEN upper(k) ELSE lower(k) END, v = v + 1;
         UPDATE t_bpchar SET k = rtrim(k) || repeat(' ', ${round}), v = v + 1;
         UPDATE t_float8 SET k = CASE WHEN k = 0 THEN k * -1 ELSE k END, v = v + 1;
         DELETE FROM t_numeric WHERE v % 3 = 1 AND k < 100;
         INSERT INTO t_numeric SELECT i + 0.5, 10 FROM generate_series(0, 99) i ON CONFLICT DO NOTHING;
         UPDATE t_timetz SET v = v + 1; UPDATE t_inet SET v = v + 1`,
      );
    expect((await running.stop()).code, running.output).toBe(0);
    const caughtUp = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
    expect(caughtUp.code, caughtUp.stderr).toBe(0);
    const dumped = names.map((name) => `t_${name}`);
    expect(await dumpTables(targetUrl, dumped)).toEqual(await dumpTables(sourceUrl, dumped));
    expect(await countRows(targetUrl, 'SELECT count(*) FROM t_numeric')).toBe(300);
  });
});

describe('what the lane of a table follows from', () => {
  it('leaves out of the lane what may be equal in ways that only the server knows', async () => {
    const url = await source.createDatabase();
    await queryPostgres(
      url,
      `CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
       CREATE TABLE t (k text PRIMARY KEY, v int); CREATE TABLE u (k text COLLATE folded PRIMARY KEY, v int);
       CREATE TABLE w (k text, v int); CREATE UNIQUE INDEX w_k ON w (k COLLATE folded, v);
       ALTER TABLE w ALTER k SET NOT NULL, ALTER v SET NOT NULL, REPLICA IDENTITY USING INDEX w_k;
       INSERT INTO t VALUES ('a', 1)`,
    );
    const pipeline = new SourcePipeline(url, { mode: 'changes' });
    onTestFinished(() => pipeline.close());
    await pipeline.open();
    pipeline.follow();
    expect(pipeline.plan.namespaces.map(({ relation: { order, route, looseKey } }) => ({ order, route, looseKey }))).toEqual([
      { order: 'key', route: [{ column: 0, form: 'same' }], looseKey: undefined },
      { order: 'key', route: [], looseKey: true },
      { order: 'key', route: [{ column: 1, form: 'int4' }], looseKey: true },
    ]); // prettier-ignore
    await queryPostgres(url, `ALTER TABLE t ALTER k TYPE text COLLATE folded; UPDATE t SET v = 2`);
    await pipeline.catchUp();
    const [relation] = pipeline.model.relations.map((each) => each.relation);
    expect(relation).toMatchObject({ order: 'key', route: [], looseKey: true });
  });

  it('keeps what an earlier version recorded, until its columns change', async () => {
    const url = await source.createDatabase();
    await queryPostgres(url, 'CREATE TABLE n (k numeric PRIMARY KEY, v int); CREATE TABLE z (k timetz PRIMARY KEY, v int)'); // prettier-ignore
    const pipeline = new SourcePipeline(url, { mode: 'changes' });
    onTestFinished(() => pipeline.close());
    await pipeline.open();
    await pipeline.stop();
    const [n, z] = pipeline.known!.namespaces;
    Object.assign(n!.relation, { order: 'namespace', route: [] });
    Object.assign(z!.relation, { route: [] });
    await pipeline.open();
    pipeline.follow();
    await queryPostgres(url, `INSERT INTO n VALUES (1.0, 1); INSERT INTO z VALUES ('1:00+00', 1)`);
    await pipeline.catchUp();
    expect(pipeline.model.relations).toEqual([]);
    await queryPostgres(url, `ALTER TABLE n ADD w int; ALTER TABLE z ADD w int; INSERT INTO n VALUES (2, 1); INSERT INTO z VALUES ('2:00+00', 1)`); // prettier-ignore
    await pipeline.catchUp();
    const told = pipeline.model.relations.map(({ relation }) => relation);
    expect(told).toMatchObject([
      { namespace: 'public.n', order: 'namespace' },
      { namespace: 'public.z', order: 'key', route: [{ column: 0, form: 'timetz' }] },
    ]);
  });
});
