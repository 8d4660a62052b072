import { describe, expect, it, onTestFinished } from 'vitest';
import { createPostgresSource } from '../../services/connectors/postgres/source/source.ts';
import { readPosition } from '../../shared/change/position.ts';
import { compileRoute } from '../../shared/change/route.ts';
import type { ChangeReceiver } from '../../shared/connector/source.ts';
import { TUPLES } from '../../shared/connector/data-type.ts';
import pg from 'pg';
import { dumpTables } from '../support/psql.ts';
import {
  leaveOut,
  majorVersion,
  queryPostgres,
  usePostgres,
  useTargetPostgres,
} from '../support/servers.ts';
import { countRows, createPipeline } from '../support/shop-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';
import { silentLog, SinkPipeline } from '../support/sink-pipeline.ts';
import { SourcePipeline } from '../support/source-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

const SEED = Number(process.env['WEIR_SEED'] ?? Date.now() % 1_000_000);

/** Types of keys, each with expressions for its values, the odd ones among them. */
const KEY_TYPES: Record<string, string[]> = {
  smallint: ['-32768', '32767', 'i % 100'],
  integer: ['-2147483648', '2147483647', '0', 'i', '-i'],
  bigint: [
    '-9223372036854775808',
    '9223372036854775807',
    '999999999999999',
    'i::int8 * 1e14::int8',
  ],
  oid: ['4294967295', '0', 'i'],
  uuid: ['md5(i::text)', "'00000000-0000-0000-0000-000000000000'"],
  text: ["''", "'Straße ☃ ' || i", "repeat('x', i)", "E'a\\\\b\\t'"],
  'character varying(40)': ["'v' || i", "''"],
  'character(7)': ["'c' || i", "''"],
  bpchar: ["'c' || i", "'c  '"],
  name: ["'n' || i"],
  boolean: ['true', 'false'],
  bytea: ["'\\x'", "decode(md5(i::text), 'hex')"],
  date: [
    "'infinity'",
    "'-infinity'",
    "'4713-01-01 BC'",
    "'5874897-12-31'",
    "'0001-02-29 BC'",
    "'1900-03-01'::date + i * 37",
  ],
  time: ["'24:00'", "'00:00'", "'23:59:59.999999'", "'00:00'::time + i * '7.000003s'::interval"],
  timestamp: [
    "'infinity'",
    "'-infinity'",
    "'4713-01-01 BC'",
    "'294276-12-31 23:59:59.999999'",
    "'1999-12-31 23:59:59.5'",
    "'1970-01-01'::timestamp + i * '1000003.000001s'::interval",
  ],
  'timestamp(2) with time zone': [
    "'infinity'",
    "'4713-01-02 BC'",
    "'2026-03-29 02:30+01'",
    "now() - i * '12345s'::interval",
  ],
  macaddr: ["'08:00:2b:01:02:03'"],
  macaddr8: ["'08:00:2b:01:02:03:04:05'"],
  inet: ["'10.0.0.1/8'", "'::1'", "'2001:db8::'::inet + i", "'::ffff:10.0.0.1'"],
  cidr: ["'10.0.0.0/8'", "'2001:db8::/32'", "set_masklen('10.0.0.0'::cidr, 8 + i % 24)"],
  numeric: ['1.50', '1.5', "'NaN'", 'i / 7.0', '0.000', '1e30', '-0.00001', 'i * 10000'],
  'double precision': ["'-0'", '0', "'NaN'", 'i / 7.0', "'1e-300'"],
  real: ["'-0'", '0', "'NaN'", 'i / 7.0', "'1e30'"],
  'time with time zone': [
    "'24:00+02'",
    "'01:00:00.5-05:30:15'",
    "'00:00+00'::timetz + i * '7s'::interval",
  ],
  interval: ["'1 month'", "'30 days'"],
  mood: ["'sad'", "'so so'"],
  positive: ['i + 1'],
  label: ["'l' || i"],
  'integer[]': ["'{1,NULL}'", 'array[i]'],
};

/** A small generator (mulberry32), so that a seed says it all. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below) | 0;
  };
}

/** By position: the table, and what the lane of the change follows from. */
type Routes = Map<string, string>;

/** Follows everything from now on, in one form; `read` gives the routes of what was committed until it is called. */
async function follow(
  url: string,
  name: string,
  dataType?: string,
): Promise<{ encoding: string; read(): Promise<Routes> }> {
  const routes: Routes = new Map();
  let reached = '';
  const receiver: ChangeReceiver = {
    change(kind, relation, position, key) {
      const bytes = compileRoute(relation)?.(key).toString('hex') ?? 'one lane';
      routes.set(position.toString('hex'), `${relation.namespace} ${kind}: ${bytes}`);
    },
    barrier: (position, { kind }) => void routes.set(position.toString('hex'), kind),
    commit: (position) => void (reached = readPosition(position, 0)),
    watermark: (position) => void (reached = readPosition(position, 0)),
    ready: () => undefined,
  };
  const connector = createPostgresSource({ pipeline: name, url, log: silentLog() });
  const scope = { mode: 'changes', namespaces: undefined, lanes: 16 } as const;
  const stopping = new AbortController();
  const session = await connector.open(
    { ...scope, ...(dataType !== undefined && { dataType }) },
    null,
    stopping.signal,
  );
  return {
    encoding: session.plan.namespaces[0]!.relation.columns[0]!.encoding,
    async read() {
      const head = (await session.head())!;
      const streaming = session.streamUpdates(session.plan.start, receiver, stopping.signal);
      await Promise.race([waitFor('the end of the log', () => reached >= head), streaming]);
      stopping.abort();
      await streaming;
      await session.close();
      await connector.reset();
      await connector.close();
      return routes;
    },
  };
}

describe('the lane of a change', () => {
  it(`is the same whether values come as binary or as text (seed ${SEED})`, async () => {
    const url = await source.createDatabase();
    const random = randomOf(SEED);
    const pick = <T>(all: readonly T[]): T => all[random(all.length)]!;
    const types = Object.keys(KEY_TYPES);
    const tables = Array.from({ length: 40 }, (_, n) => {
      const columns = Array.from({ length: 1 + random(3) }, (_, i) => ({
        name: `k${i}`,
        // Every type is in some key, and then any.
        type: i === 0 && n < types.length ? types[n]! : pick(types),
      }));
      const rest = 'v int, w text';
      const names = columns.map(({ name }) => name).join(', ');
      const identity = n < types.length ? 'key' : pick(['key', 'row', 'none'] as const);
      const key = identity === 'key' ? `, PRIMARY KEY (${names})` : '';
      const full = identity === 'row' ? `; ALTER TABLE t${n} REPLICA IDENTITY FULL` : '';
      const sql = `CREATE TABLE t${n} (${columns.map(({ name, type }) => `${name} ${type}`).join(', ')}, ${rest}${key})${full}`;
      return { name: `t${n}`, columns, identity, sql };
    });
    await queryPostgres(
      url,
      `CREATE TYPE mood AS ENUM ('sad', 'so so'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
       CREATE DOMAIN label AS text; ${tables.map(({ sql }) => sql).join(';')}`,
    );
    const binary = await follow(url, 'binary');
    const text = await follow(url, 'text', TUPLES);
    const valuesOf = (type: string): string => `(${pick(KEY_TYPES[type]!)})::text::${type}`;
    for (const { name, columns, identity } of tables) {
      const rows = Array.from({ length: 12 }, () => columns.map(({ type }) => valuesOf(type)));
      const insert = rows
        .map(
          (row) =>
            `INSERT INTO ${name} SELECT ${row.join(', ')}, i, NULL FROM generate_series(${random(500)}, ${random(20) + 500}, 7) i ON CONFLICT DO NOTHING`,
        )
        .join(';');
      const moved = valuesOf(columns[0]!.type).replaceAll(/\bi\b/g, '12345');
      const more = `UPDATE ${name} SET v = -v, w = repeat('w', v % 30);
        DO $$ BEGIN UPDATE ${name} SET k0 = ${moved} WHERE v % 5 = 1;
        EXCEPTION WHEN unique_violation THEN NULL; END $$;
        DELETE FROM ${name} WHERE v % 3 = 0`;
      await queryPostgres(url, identity === 'none' ? insert : `${insert}; ${more}`);
    }
    const [asBinary, asText] = [await binary.read(), await text.read()];
    expect(text.encoding).toBe('text');
    if ((await majorVersion(url)) >= 14) expect(binary.encoding).toBe('binary');
    expect(asBinary.size).toBeGreaterThan(1_000);
    expect([...asText]).toEqual([...asBinary]);
    const routes = [...asBinary.values()];
    for (const [n, type] of types.entries()) {
      const isKnown = !/interval|mood|\[\]/.test(type);
      if (isKnown && tables[n]!.columns.length === 1)
        expect(routes.filter((each) => each === `public.t${n} insert: one lane`)).toEqual([]);
    }
  });

  it('stays what it was when the stream takes another form while lanes stand at different places', async ({
    skip,
  }) => {
    if ((await majorVersion(source.url)) < 14)
      return skip(`${leaveOut(13, 'a stream that was binary', 'it is always text there')}`);
    const pipeline = await createPipeline(source, target);
    const { sourceUrl, targetUrl } = pipeline;
    await queryPostgres(
      sourceUrl,
      `CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (id int PRIMARY KEY, v int);
       INSERT INTO t SELECT i, 0 FROM generate_series(1, 6000) i`,
    );
    const running = weir.start(['run', pipeline.file]);
    await running.waitForLine(/streaming/);
    const applied = (): Promise<number> =>
      countRows(targetUrl, 'SELECT coalesce(sum(updates), 0) FROM weir.count');
    const holder = new pg.Client({ connectionString: targetUrl });
    await holder.connect();
    try {
      await holder.query('BEGIN; SELECT FROM t WHERE id = 6000 FOR UPDATE');
      await queryPostgres(sourceUrl, 'UPDATE t SET v = 1');
      await waitFor('all lanes but one have gone on', async () => (await applied()) > 3_000);
      const { stdout } = await weir.run(['status', pipeline.name, '--json']);
      const [report] = (JSON.parse(stdout) as { pipelines: { services: { pid: number }[] }[] })
        .pipelines;
      running.kill('SIGKILL');
      for (const { pid } of report!.services) process.kill(pid, 'SIGKILL');
      await running.exited;
      // What waits for the row would not notice that nobody wants it any more.
      await waitFor('the target has forgotten the killed services', async () => {
        const sessions = `FROM pg_stat_activity WHERE application_name LIKE 'weir%'`;
        await queryPostgres(targetUrl, `SELECT pg_terminate_backend(pid) ${sessions}`);
        return (await countRows(targetUrl, `SELECT count(*) ${sessions}`)) === 0;
      });
    } finally {
      await holder.end();
    }
    expect(await applied()).toBeLessThan(6_000);
    // A type whose binary form is understood by this server only: from now on all values come as text.
    await queryPostgres(sourceUrl, 'CREATE TABLE z (id int PRIMARY KEY, m mood[])');
    const again = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
    expect(again.code, again.stderr).toBe(0);
    const [at, there] = await Promise.all(
      [sourceUrl, targetUrl].map((url) => dumpTables(url, ['t'])),
    );
    expect(there).toEqual(at);
    expect(await applied()).toBe(6_000);
  });
});

describe('what the source says of a table while changes flow', () => {
  const followed = async (
    sql: string,
    { together = [] }: { together?: string[] } = {},
  ): Promise<{ url: string; pipeline: SourcePipeline }> => {
    const url = await source.createDatabase();
    await queryPostgres(url, sql);
    const pipeline = new SourcePipeline(url, { mode: 'changes' });
    onTestFinished(() => pipeline.close());
    pipeline.model.together = new Set(together);
    await pipeline.open();
    pipeline.follow();
    return { url, pipeline };
  };
  const shapes = ({ model }: SourcePipeline): unknown[] =>
    model.relations.map(({ relation: { identity, order, key } }) => ({ identity, order, key }));

  it('puts rows into one lane behind a barrier once a value can move between them', async () => {
    const { url, pipeline } = await followed(
      'CREATE TABLE t (id int PRIMARY KEY, code int); INSERT INTO t VALUES (1, 1), (2, 2)',
    );
    await queryPostgres(url, 'UPDATE t SET code = 3 WHERE id = 1');
    await pipeline.catchUp();
    expect(shapes(pipeline)).toEqual([]);
    await queryPostgres(url, 'CREATE UNIQUE INDEX ON t (code); UPDATE t SET code = 1 WHERE id = 2');
    await pipeline.catchUp();
    expect(shapes(pipeline)).toEqual([{ identity: 'key', order: 'namespace', key: [0] }]);
    expect(pipeline.model.kinds('public.t')).toEqual(['update', 'relation', 'update']);
    // The target may still have the index.
    await queryPostgres(url, 'DROP INDEX t_code_idx; UPDATE t SET code = 4 WHERE id = 2');
    await pipeline.catchUp();
    expect(shapes(pipeline)).toHaveLength(1);
  });

  it('puts rows into one lane behind a barrier where the target binds them to each other', async () => {
    const { url, pipeline } = await followed('CREATE TABLE t (id int PRIMARY KEY, code int)', {
      together: ['public.t'],
    });
    await queryPostgres(url, 'INSERT INTO t VALUES (1, 1), (2, 2)');
    await pipeline.catchUp();
    expect(shapes(pipeline)).toEqual([{ identity: 'key', order: 'namespace', key: [0] }]);
    expect(pipeline.model.kinds('public.t')).toEqual(['relation', 'insert', 'insert']);
  });

  it('tells rows apart as recorded where the log holds whole rows, until that key is gone', async () => {
    const { url, pipeline } = await followed(
      `CREATE TABLE t (a int NOT NULL, b int NOT NULL); CREATE UNIQUE INDEX m ON t (a);
       ALTER TABLE t REPLICA IDENTITY FULL; INSERT INTO t VALUES (1, 1), (2, 2)`,
    );
    expect(pipeline.plan.namespaces[0]!.relation).toMatchObject({ identity: 'key', key: [0] });
    // By its name it would be taken first.
    await queryPostgres(url, 'CREATE UNIQUE INDEX f ON t (b); UPDATE t SET b = 3 WHERE a = 1');
    await pipeline.catchUp();
    expect(shapes(pipeline)).toEqual([{ identity: 'key', order: 'namespace', key: [0] }]);
    await queryPostgres(url, 'DROP INDEX m; UPDATE t SET a = 2 WHERE a = 1');
    await pipeline.catchUp();
    expect(shapes(pipeline).at(-1)).toEqual({ identity: 'key', order: 'namespace', key: [1] });
    await queryPostgres(url, 'DROP INDEX f; UPDATE t SET b = 2');
    await pipeline.catchUp();
    expect(shapes(pipeline).at(-1)).toEqual({ identity: 'row', order: 'namespace', key: [] });
    expect(pipeline.failure).toBeUndefined();
  });

  it('takes one lane where a delete and an insert of one row meet a unique index', async () => {
    const { pipeline } = await followed(
      'CREATE TABLE t (code int UNIQUE, v int); ALTER TABLE t REPLICA IDENTITY FULL',
    );
    const { relation } = pipeline.plan.namespaces[0]!;
    expect(relation).toMatchObject({ identity: 'row', order: 'namespace' });
  });
});

describe('a key of which a column is generated', () => {
  const GENERATED = 'b int GENERATED ALWAYS AS (a * 10) STORED';
  it.each([
    ['a primary key', `PRIMARY KEY (t, b)`, '', 'none'],
    ['nothing else', `PRIMARY KEY (b)`, '', 'none'],
    ['whole rows in the log', `PRIMARY KEY (t, b)`, 'ALTER TABLE g REPLICA IDENTITY FULL', 'row'],
    [
      'an index that is the identity',
      'UNIQUE (t, b)',
      `ALTER TABLE g ALTER b SET NOT NULL; ALTER TABLE g REPLICA IDENTITY USING INDEX g_t_b_key`,
      'none',
    ],
    [
      'a whole one beside it',
      `PRIMARY KEY (t, b), UNIQUE (a)`,
      'ALTER TABLE g REPLICA IDENTITY USING INDEX g_a_key',
      'key',
    ],
  ] as const)('is none: %s', async (_, key, more, identity) => {
    const url = await source.createDatabase();
    await queryPostgres(
      url,
      `CREATE TABLE g (t int NOT NULL, a int NOT NULL, ${GENERATED}, v text, ${key}); ${more}`,
    );
    const pipeline = new SourcePipeline(url);
    onTestFinished(() => pipeline.close());
    const { findings, relations } = await pipeline.source.check({
      mode: 'snapshot+changes',
      namespaces: undefined,
      lanes: 4,
    });
    expect(relations[0]!.relation).toMatchObject({
      identity,
      key: identity === 'key' ? [1] : [],
      ...(identity === 'row' && { order: 'namespace' }),
    });
    const said = findings.map(({ message }) => message).join('\n');
    if (identity === 'none')
      expect(said).toMatch(
        /only inserts: the key \w+ of public\.g has the generated column b, which is not in the log; ALTER TABLE public\.g REPLICA IDENTITY FULL/,
      );
  });

  it('makes no two rows of the source one at the target', async () => {
    const pipeline = await createPipeline(source, target);
    const { sourceUrl, targetUrl } = pipeline;
    await queryPostgres(
      sourceUrl,
      `CREATE TABLE g (t int, a int, ${GENERATED}, v text, PRIMARY KEY (t, b));
       INSERT INTO g (t, a, v) VALUES (1, 1, 'x'), (2, 1, 'z')`,
    );
    const running = weir.start(['run', pipeline.file]);
    await running.waitForLine(/streaming/);
    await queryPostgres(sourceUrl, `INSERT INTO g (t, a, v) VALUES (1, 2, 'second of 1')`);
    await waitFor(
      'the row is there',
      async () => (await countRows(targetUrl, 'SELECT count(*) FROM g')) === 3,
    );
    await running.stop();
    const [at, there] = await Promise.all(
      [sourceUrl, targetUrl].map((url) => dumpTables(url, ['g'])),
    );
    expect(there).toEqual(at);
  });
});

describe('rows that a unique index binds to each other', () => {
  it('are bound at the target by indexes of its own, but not by those that hold the key', async () => {
    const [sourceUrl, targetUrl] = [await source.createDatabase(), await target.createDatabase()];
    const columns = 'id int PRIMARY KEY, code int, room text, span int4range';
    const names = ['plain', 'code', 'part', 'expression', 'excluded', 'holding', 'same'];
    await queryPostgres(
      sourceUrl,
      `${names.map((name) => `CREATE TABLE ${name} (${columns})`).join(';')};
       CREATE TABLE keyless (code int); ALTER TABLE keyless REPLICA IDENTITY FULL;
       CREATE TABLE added (code int); ALTER TABLE same ADD UNIQUE (code)`,
    );
    await queryPostgres(
      targetUrl,
      `${names.map((name) => `CREATE TABLE ${name} (${columns})`).join(';')};
       CREATE TABLE keyless (code int UNIQUE); CREATE TABLE added (code int UNIQUE);
       ALTER TABLE code ADD UNIQUE (code); ALTER TABLE same ADD UNIQUE (code);
       CREATE UNIQUE INDEX ON part (code) WHERE code > 0;
       CREATE UNIQUE INDEX ON expression (lower(room));
       ALTER TABLE excluded ADD EXCLUDE USING gist (span WITH &&);
       CREATE UNIQUE INDEX ON holding (code, id)`,
    );
    const pipeline = await SinkPipeline.create(sourceUrl, targetUrl, { create: 'never' });
    onTestFinished(() => pipeline.close());
    const epoch = await pipeline.sink.beginReader();
    const together = await pipeline.sink.savePlan(pipeline.plan, epoch);
    expect([...together].sort()).toEqual(
      ['code', 'excluded', 'expression', 'keyless', 'part'].map((name) => `public.${name}`),
    );
  });

  it('come in order, with and without a key, where the source has the index or the target alone', async () => {
    const pipeline = await createPipeline(source, target);
    const { sourceUrl, targetUrl } = pipeline;
    const full = (name: string): string =>
      `INSERT INTO ${name} SELECT i, 0 FROM generate_series(1, 400) i; ALTER TABLE ${name} REPLICA IDENTITY FULL`;
    await queryPostgres(
      sourceUrl,
      `CREATE TABLE at_source (code int UNIQUE, v int); ${full('at_source')};
       CREATE TABLE at_target (code int, v int); ${full('at_target')};
       CREATE TABLE seats (id int PRIMARY KEY, code int); INSERT INTO seats SELECT i, i FROM generate_series(1, 400) i`,
    );
    await queryPostgres(
      targetUrl,
      'CREATE TABLE at_target (code int UNIQUE, v int); CREATE TABLE seats (id int PRIMARY KEY, code int UNIQUE)',
    );
    const running = weir.start(['run', pipeline.file]);
    await running.waitForLine(/streaming/);
    for (let round = 0; round < 10; round++)
      await queryPostgres(
        sourceUrl,
        `UPDATE at_source SET v = v + 1; UPDATE at_target SET v = v + 1;
         UPDATE seats SET code = -code; UPDATE seats SET code = -code % 400 + 1`,
      );
    expect((await running.stop()).code, running.output).toBe(0);
    const caughtUp = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
    expect(caughtUp.code, caughtUp.stderr).toBe(0);
    const tables = ['at_source', 'at_target', 'seats'];
    const [at, there] = await Promise.all(
      [sourceUrl, targetUrl].map((url) => dumpTables(url, tables)),
    );
    expect(there).toEqual(at);
  });

  it('come in order, too, where the target got the index while the pipeline ran, before any of them is refused', async () => {
    const pipeline = await createPipeline(source, target, { onBadRow: 'park' });
    const { name, sourceUrl, targetUrl } = pipeline;
    await queryPostgres(sourceUrl, 'CREATE TABLE seats (id int PRIMARY KEY, code int); INSERT INTO seats SELECT i, i FROM generate_series(1, 400) i'); // prettier-ignore
    const running = weir.start(['run', pipeline.file]);
    await running.waitForLine(/streaming/);
    await queryPostgres(targetUrl, 'CREATE UNIQUE INDEX ON seats (code)');
    await running.waitForLine(/binds rows of public\.seats to each other/);
    await waitFor('the next life', () => running.output.match(/epoch began/g)?.length === 2);
    for (let round = 0; round < 10; round++)
      await queryPostgres(sourceUrl, 'UPDATE seats SET code = -code; UPDATE seats SET code = -code % 400 + 1'); // prettier-ignore
    expect((await running.stop()).code, running.output).toBe(0);
    const caughtUp = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
    expect(caughtUp.code, caughtUp.stderr).toBe(0);
    expect(await dumpTables(targetUrl, ['seats'])).toEqual(await dumpTables(sourceUrl, ['seats']));
    expect(running.output.match(/epoch began/g)).toHaveLength(2);
    expect((await weir.run(['parked', 'list', name])).stdout).not.toMatch(/seats/);
  });
});
