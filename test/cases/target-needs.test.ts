import { describe, expect, it } from 'vitest';
import { checkedPair } from '../support/checked-pair.ts';
import { dumpQuery } from '../support/psql.ts';
import { leaveOut, queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

const TABLE = 'CREATE TABLE t (id int PRIMARY KEY, v int)';

describe('what acts on rows at the target', () => {
  it.each([
    ['ENABLE ALWAYS RULE r', 'key', /^error public\.t: the rule r does something instead .*ALTER TABLE public\.t DISABLE RULE "r"/],
    ['ENABLE REPLICA RULE r', 'key', /^error public\.t: the rule r/],
    ['ENABLE RULE r', 'key', null],
    ['ENABLE RULE r', 'transaction', /^error public\.t: the rule r/],
    ['ENABLE REPLICA RULE r', 'transaction', null],
  ] as const)('is told by check: %s with order: %s', async (how, order, told) => {
    const { check } = await checkedPair(source, target, {
      atSource: TABLE,
      atTarget: `${TABLE}; CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING; ALTER TABLE t ${how}`,
      order,
    });
    expect(await check()).toEqual(told === null ? [] : [expect.stringMatching(told)]);
  }); // prettier-ignore

  it('is told where it is on a partition, and where policies hide rows from those who write', async () => {
    const parted = `CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9)`; // prettier-ignore
    const { check, targetUrl } = await checkedPair(source, target, {
      atSource: `${TABLE}; ${parted}`,
      atTarget: `${TABLE}; ${parted}; CREATE TRIGGER x BEFORE INSERT ON p1 FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger(); ALTER TABLE p1 ENABLE ALWAYS TRIGGER x`,
    });
    expect(await check()).toEqual([expect.stringMatching(/^warning public\.p1: the trigger x /)]);
    const role = `r_${new URL(targetUrl).pathname.slice(1)}`;
    await queryPostgres(targetUrl, `CREATE ROLE ${role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}; GRANT CREATE ON SCHEMA public TO ${role};
      DO $$BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO ${role}', current_database()); END$$; ALTER TABLE t ENABLE ROW LEVEL SECURITY`); // prettier-ignore
    const asRole = new URL(targetUrl);
    asRole.username = role;
    const pipeline = await createPipeline(source, target, { target: { url: asRole.href } });
    await queryPostgres(pipeline.sourceUrl, TABLE);
    const { stdout } = await weir.run(['check', pipeline.file]);
    expect(stdout).toMatch(new RegExp(`error .*public.t: its row security is about role ${role} too.*ALTER ROLE "${role}" BYPASSRLS`)); // prettier-ignore
  });

  it('is told at the source where it is a partition that may not be read, or whose rows are hidden', async () => {
    const sourceUrl = await source.createDatabase();
    const role = `r_${new URL(sourceUrl).pathname.slice(1)}`;
    await queryPostgres(sourceUrl, `CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9);
      CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (9) TO (19); CREATE ROLE ${role} LOGIN REPLICATION; GRANT SELECT ON p, p2 TO ${role}; ALTER TABLE p2 ENABLE ROW LEVEL SECURITY`); // prettier-ignore
    const asRole = new URL(sourceUrl);
    asRole.username = role;
    const pipeline = await createPipeline(source, target, { source: { url: asRole.href } });
    const { stdout } = await weir.run(['check', pipeline.file]);
    expect(stdout).toMatch(/may not read public\.p; run .* GRANT SELECT ON "public"\."p1" TO /);
    expect(stdout).toMatch(/Row security of "public"\."p2" hides rows/);
  });
});

describe('extensions', () => {
  it('are planned by what brings a type, an operator class or a function, in their order and schemas', async () => {
    const wanted = ['isn', 'btree_gist', 'citext', 'cube', 'earthdistance'];
    const found = await dumpQuery(source.url, `SELECT name FROM pg_available_extensions WHERE name IN ('${wanted.join("', '")}')`); // prettier-ignore
    if (found.length < wanted.length) return void leaveOut(0, wanted.join(), 'the server has them not'); // prettier-ignore
    const { check, pipeline, targetUrl } = await checkedPair(source, target, {
      atSource: `CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; CREATE EXTENSION isn; CREATE EXTENSION btree_gist; CREATE EXTENSION cube; CREATE EXTENSION earthdistance;
        CREATE DOMAIN label AS ext.citext; CREATE TYPE pair AS (a isbn13[], b int);
        CREATE TABLE a (id int PRIMARY KEY, p pair); CREATE TABLE b (id int PRIMARY KEY, n label);
        CREATE TABLE u (id int PRIMARY KEY, n int, r int4range, EXCLUDE USING gist (n WITH =, r WITH &&));
        CREATE TABLE w (id int PRIMARY KEY, far float8 DEFAULT earth())`,
    });
    const [told, ...more] = await check();
    expect(more).toEqual([]);
    expect(told).toMatch(/^warning extensions: /);
    const order = [...told!.matchAll(/CREATE EXTENSION IF NOT EXISTS "(\w+)" SCHEMA "(\w+)"/g)];
    expect(order.map(([, name, schema]) => [name, schema])).toEqual([
      ['isn', 'public'],
      ['citext', 'ext'],
      ['btree_gist', 'public'],
      ['cube', 'public'],
      ['earthdistance', 'public'],
    ]);
    await pipeline.start();
    expect(await dumpQuery(targetUrl, `SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'`)).toEqual([...wanted].sort()); // prettier-ignore
  });
});
