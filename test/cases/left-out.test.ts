import { describe, expect, it, onTestFinished } from 'vitest';
import { NOT_CARRIED_KINDS } from '../../services/connectors/postgres/source/not-carried-kinds.ts';
import { createPostgresSource } from '../../services/connectors/postgres/source/source.ts';
import type { NotCarried } from '../../shared/connector/finding.ts';
import { majorVersion, queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { silentLog, SinkPipeline } from '../support/sink-pipeline.ts';
import { SourcePipeline } from '../support/source-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

/** One thing of each kind, of whatever name. */
const THINGS: Record<string, string> = {
  views: 'CREATE VIEW seen AS SELECT * FROM t',
  'materialised views': 'CREATE MATERIALIZED VIEW kept AS SELECT * FROM t',
  'functions and procedures':
    'CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT $1 * 2$$; CREATE PROCEDURE nothing() LANGUAGE sql AS $$$$',
  aggregates: 'CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int)',
  triggers:
    'CREATE TRIGGER again BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
  'event triggers':
    'CREATE FUNCTION told() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$; CREATE EVENT TRIGGER told ON ddl_command_end EXECUTE FUNCTION told(); ALTER EVENT TRIGGER told DISABLE',
  rules: 'CREATE RULE also AS ON DELETE TO t DO ALSO SELECT 1',
  policies: 'CREATE POLICY own ON t USING (true)',
  'tables with row security': 'ALTER TABLE t ENABLE ROW LEVEL SECURITY',
  'types that no carried column has':
    'CREATE TYPE "unused "" type" AS ENUM (\'a\'); CREATE TYPE used AS ENUM (\'a\'); ALTER TABLE t ADD u used',
  collations: 'CREATE COLLATION "own" (locale = \'C\')',
  'operators and operator classes':
    'CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq); CREATE OPERATOR CLASS ints FOR TYPE int USING hash AS OPERATOR 1 ===(int, int)',
  casts: 'CREATE CAST (used AS int) WITH INOUT',
  'text search configurations and dictionaries':
    'CREATE TEXT SEARCH CONFIGURATION words (COPY = simple)',
  conversions: "CREATE CONVERSION other FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
  languages: 'CREATE LANGUAGE inner_tongue HANDLER plpgsql_call_handler',
  'statistics objects': 'CREATE STATISTICS pairs ON id, v FROM t',
  'indexes and constraints of single partitions':
    'CREATE INDEX ON p1 (v); ALTER TABLE p1 ADD CHECK (id >= 0)',
  'indexes that are not valid': 'CREATE INDEX ON ONLY p (v)',
  'names and marks (NOT VALID, NO INHERIT) of NOT NULL constraints':
    'ALTER TABLE t ADD CONSTRAINT told NOT NULL v',
  'foreign keys to tables that are not carried':
    'CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.t (id int PRIMARY KEY); ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES elsewhere.t NOT VALID',
  'parents of tables (INHERITS) that are not carried':
    'CREATE TABLE elsewhere.parent (id int); CREATE TABLE child () INHERITS (elsewhere.parent)',
  'sequences that are unlogged': 'CREATE UNLOGGED SEQUENCE quick',
  'typed tables (OF)':
    'CREATE TYPE form AS (id int); CREATE TABLE formed OF form; ALTER TABLE t ADD f form',
  'replica identities': 'ALTER TABLE t REPLICA IDENTITY FULL',
  'storage parameters of tables and of the indexes of their keys':
    'ALTER INDEX t_pkey SET (fillfactor = 70); ALTER TABLE t SET (toast.autovacuum_enabled = false)',
  'storage and statistics settings of columns': 'ALTER TABLE t ALTER v SET STORAGE EXTERNAL',
  'cluster marks': 'ALTER TABLE t CLUSTER ON t_pkey',
  'tablespaces and access methods of tables and indexes':
    'CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE piled (id int PRIMARY KEY) USING pile',
  comments: "COMMENT ON COLUMN t.v IS 'a value'",
  'owners of schemas, tables, sequences and types':
    'CREATE ROLE ANYBODY; ALTER TABLE child OWNER TO ANYBODY',
  grants: 'GRANT SELECT ON t TO ANYBODY',
  'default privileges': 'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ANYBODY',
  'settings of the database and of roles in it':
    "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''5MB''', current_database()); END$$",
  publications: 'CREATE PUBLICATION others FOR TABLE t',
  subscriptions:
    "CREATE SUBSCRIPTION more CONNECTION 'host=nowhere' PUBLICATION others WITH (connect = false)",
  'foreign servers':
    'CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing',
  'extensions that no carried table needs': 'CREATE EXTENSION pg_trgm',
  'tables that belong to an extension':
    'CREATE TABLE settings (id int PRIMARY KEY); ALTER EXTENSION plpgsql ADD TABLE settings',
  'large objects': "SELECT lo_from_bytea(0, 'hello')",
};
/** There is no provider of them in a server as it is made. */
const UNTRIED = ['security labels'];

/** Servers without the extensions of the distribution have none to make. */
async function thingsOf(url: string): Promise<string[]> {
  const [available] = await queryPostgres(
    url,
    `SELECT FROM pg_available_extensions WHERE name = 'pg_trgm'`,
  );
  const version = await majorVersion(url);
  const missing = [
    ...(available === undefined ? ['extensions that no carried table needs'] : []),
    ...(version < 15 ? ['sequences that are unlogged'] : []),
    ...(version < 18 ? ['names and marks (NOT VALID, NO INHERIT) of NOT NULL constraints'] : []),
  ];
  return Object.keys(THINGS).filter((kind) => !missing.includes(kind));
}

const TABLES = `CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
  CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100)`;

async function notCarried(url: string, namespaces?: string[]): Promise<NotCarried[]> {
  const end = createPostgresSource({ pipeline: 'left', url, log: silentLog() });
  const found = await end.check({ mode: 'snapshot+changes', namespaces, lanes: 1 });
  await end.close();
  return found.notCarried ?? [];
}

describe('what does not travel', () => {
  it('is told by check, each kind once, with how many there are and the first names', async () => {
    const url = await source.createDatabase();
    await queryPostgres(url, TABLES);
    const role = `anybody_${new URL(url).pathname.slice(1)}`;
    expect(await notCarried(url, ['public.*'])).toEqual([]);
    const things = await thingsOf(url);
    for (const kind of things) await queryPostgres(url, THINGS[kind]!.replaceAll('ANYBODY', role));
    const found = await notCarried(url, ['public.*']);
    const kinds = NOT_CARRIED_KINDS.map(({ kind }) => kind);
    expect([...things, ...UNTRIED].sort()).toEqual(
      kinds.filter((kind) => things.includes(kind) || UNTRIED.includes(kind)).sort(),
    );
    expect(kinds.filter((kind) => !(kind in THINGS))).toEqual(UNTRIED);
    expect(found.map(({ kind }) => kind)).toEqual(kinds.filter((kind) => things.includes(kind)));
    const named = (kind: string) => found.find((each) => each.kind === kind);
    expect(named('views')).toMatchObject({ count: 1, names: ['public.seen'] });
    expect(named('triggers')).toMatchObject({ count: 1, names: ['again of public.t'] });
    expect(named('types that no carried column has')).toMatchObject({ count: 1, names: ['public.unused " type'] }); // prettier-ignore
    await queryPostgres(
      url,
      `ALTER SUBSCRIPTION more SET (slot_name = NONE); DROP SUBSCRIPTION more`,
    );
  });

  it('is one finding for people and for programs, and none where there is nothing', async () => {
    // As the owner: that tables have another one is told, too.
    const pipeline = await createPipeline(source, target, {}, (url) => url);
    await queryPostgres(pipeline.sourceUrl, TABLES);
    const plain = await weir.run(['check', pipeline.file]);
    expect(plain.stdout).not.toMatch(/not carried/);
    await queryPostgres(pipeline.sourceUrl, `CREATE VIEW a AS SELECT 1; CREATE VIEW b AS SELECT 1; CREATE VIEW c AS SELECT 1; CREATE VIEW d AS SELECT 1; COMMENT ON TABLE t IS 'x'`); // prettier-ignore
    const text = await weir.run(['check', pipeline.file]);
    expect(text.code).toBe(0);
    expect(text.stdout.match(/not carried: views, comments, .*pg_dump --schema-only/g)).toHaveLength(1); // prettier-ignore
    expect(text.stdout).toMatch(/^ +views \(4\): public\.a, public\.b, public\.c, …$/m);
    const json = JSON.parse((await weir.run(['check', pipeline.file, '--json'])).stdout) as {
      parts: { findings: { subject: string; details?: NotCarried[] }[] }[];
    };
    const [finding] = json.parts[0]!.findings.filter(({ subject }) => subject === 'not carried');
    expect(finding?.details).toEqual([
      { kind: 'views', count: 4, names: ['public.a', 'public.b', 'public.c'] },
      { kind: 'comments', count: 1, names: ['public.t'] },
    ]);
  });
});

describe('sequences that belong to no column', () => {
  const SEQUENCES = `CREATE SCHEMA apart; CREATE SEQUENCE apart.standalone; SELECT setval('apart.standalone', 500);
    CREATE SEQUENCE cyc MINVALUE 1 MAXVALUE 5 CYCLE; CREATE TABLE e (id int PRIMARY KEY, k int DEFAULT nextval('cyc'));
    INSERT INTO e(id) SELECT generate_series(1, 4)`;
  const standing = async (url: string) => [
    await queryPostgres(url, 'SELECT last_value, is_called FROM apart.standalone'),
    await queryPostgres(url, 'SELECT last_value, is_called FROM cyc'),
  ];

  it('stand at the target where they stand at the source, whichever way they went, and are told where they are not named', async () => {
    const sourceUrl = await source.createDatabase();
    const targetUrl = await target.createDatabase();
    await queryPostgres(sourceUrl, SEQUENCES);
    const reader = new SourcePipeline(sourceUrl);
    const writer = await SinkPipeline.create(sourceUrl, targetUrl);
    onTestFinished(async () => void (await Promise.all([reader.close(), writer.close()])));
    await reader.open();
    await writer.start();
    const pass = async () => writer.sink.writeSideState(await reader.session!.sideState?.());
    await pass();
    expect(await standing(targetUrl)).toEqual(await standing(sourceUrl));
    await queryPostgres(sourceUrl, `INSERT INTO e(id) SELECT generate_series(5, 7); ALTER SEQUENCE apart.standalone RESTART WITH 20`); // prettier-ignore
    await pass();
    expect(await standing(targetUrl)).toEqual([[{ last_value: '20', is_called: false }], [{ last_value: '2', is_called: true }]]); // prettier-ignore
    expect(writer.sink.warnings?.()).toEqual([]);
    const named = async (namespaces: string[]) => (await notCarried(sourceUrl, namespaces)).map(({ kind, names }) => [kind, names]); // prettier-ignore
    expect(await named(['public.*', 'apart.*'])).toEqual([]);
    expect(await named(['public.e'])).toEqual([['sequences that no column uses and no namespace names', ['apart.standalone']]]); // prettier-ignore
  });

  it('are not taken for something else of their name at the target', async () => {
    const sourceUrl = await source.createDatabase();
    const targetUrl = await target.createDatabase();
    await queryPostgres(sourceUrl, 'CREATE SEQUENCE taken; CREATE TABLE t (id int PRIMARY KEY)');
    await queryPostgres(targetUrl, 'CREATE VIEW taken AS SELECT 1');
    const reader = new SourcePipeline(sourceUrl);
    const writer = await SinkPipeline.create(sourceUrl, targetUrl);
    onTestFinished(async () => void (await Promise.all([reader.close(), writer.close()])));
    await reader.open();
    await writer.start();
    const state = await reader.session!.sideState?.();
    await expect(writer.sink.writeSideState(state)).rejects.toMatchObject({
      code: 'TARGET_UNFIT',
      message: expect.stringMatching(/sequence public\.taken/) as string,
    });
  });
});

describe("the application's own schema weir", () => {
  it('is left out by name at the source, and never taken for the state at the target', async () => {
    const pipeline = await createPipeline(source, target);
    const { sourceUrl, targetUrl, file } = pipeline;
    await queryPostgres(sourceUrl, 'CREATE SCHEMA weir; CREATE TABLE weir.t (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY)'); // prettier-ignore
    await queryPostgres(targetUrl, 'CREATE SCHEMA weir; CREATE TABLE weir.count (id int)');
    const refused = await weir.run(['check', file]);
    expect(refused.stdout).toMatch(
      /warning +weir\.t: weir\.t is left out.*ALTER SCHEMA weir RENAME/,
    );
    expect(refused.stdout).toMatch(/error +schema: the schema "weir".*weir\.count; rename it/);
    const run = ['run', file, '--until', 'caught-up'];
    expect((await weir.run(run)).code).toBe(1);
    await queryPostgres(targetUrl, 'ALTER TABLE weir.count RENAME TO counts');
    expect((await weir.run(run)).code).toBe(0);
    expect((await weir.run(['reset', file])).code).toBe(0);
    expect(await queryPostgres(targetUrl, "SELECT relname FROM pg_class WHERE relnamespace = 'weir'::regnamespace")).toEqual([{ relname: 'counts' }]); // prettier-ignore
  });
});
