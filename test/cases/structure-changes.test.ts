import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toWeirError, type WeirError } from '../../shared/errors/weir-error.ts';
import { DirectPipeline } from '../support/direct-pipeline.ts';
import { dumpQuery, dumpTables } from '../support/psql.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();

const SCHEMA = `
CREATE TYPE mood AS ENUM ('low', 'high');
CREATE TYPE pair AS (a int, b int);
CREATE DOMAIN small AS int CONSTRAINT below CHECK (VALUE < 1000);
CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b int, m mood, p pair, s small, w text, g int GENERATED ALWAYS AS (a * 2) STORED);
INSERT INTO t SELECT i, i, 10 * i, 'low', format('(%s,%s)', i, i)::pair, i, 'w' FROM generate_series(1, 5) i;
CREATE TABLE o (id int PRIMARY KEY)`;

let urls: { source: string; target: string };
let pipeline: DirectPipeline;

beforeEach(async () => {
  urls = { source: await source.createDatabase(), target: await target.createDatabase() };
  pipeline = new DirectPipeline(urls.source, urls.target);
});

afterEach(() => pipeline.close());

const sql = (text: string) => queryPostgres(urls.source, text);
const atTarget = (text: string) => queryPostgres(urls.target, text);

/** What the pipeline stops with; fails where it goes on. */
async function stopOf(work: () => Promise<void>): Promise<WeirError> {
  const error = await work().then(
    () => new Error('the pipeline went on'),
    (thrown: unknown) => thrown,
  );
  await pipeline.stop();
  return toWeirError(error);
}

const columns = `SELECT attname, format_type(atttypid, atttypmod), attnotnull, attgenerated, attcollation FROM pg_attribute
  WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped`;

/** By the text output of both: rows by their columns' names, and what the columns are. */
async function expectEqual(): Promise<void> {
  const [names] = await sql(
    `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) AS list FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped`,
  );
  for (const query of [`SELECT ${String(names!['list'])} FROM t`, 'SELECT id FROM o', columns])
    expect(await dumpQuery(urls.target, query)).toEqual(await dumpQuery(urls.source, query));
}

/** Runs what the message says, as a person would who knows the expression that was used. */
async function follow(message: string, using: string): Promise<void> {
  const statements = [
    /Run at the target: (.*?)\. (?=[A-Z])/s.exec(message)?.[1]?.replace('USING …', using),
    /copy the table anew, run at the target: (.*?)\. (?=[A-Z])/s.exec(message)?.[1],
  ].filter((each) => each !== undefined);
  if (statements.length === 0 || !message.includes('copy the table anew'))
    statements.push(...(/say so: (.*?)\. (?=[A-Z])/s.exec(message)?.slice(1) ?? []));
  expect(statements, message).not.toEqual([]);
  for (const statement of statements) await atTarget(statement);
}

async function goOn(): Promise<void> {
  await pipeline.start();
  await pipeline.catchUp();
}

/** The same, of a pipeline that stands; a check must have said so before. */
async function stopOfStart(): Promise<WeirError> {
  const told = await pipeline.check();
  const stop = await stopOf(goOn);
  const { code, message } = stop;
  expect(told).toContainEqual(expect.objectContaining({ level: 'error', code, message }));
  return stop;
}

interface Change {
  change: string;
  says: RegExp;
  using?: string;
}

const BY_HAND: Change[] = [
  { change: 'ALTER TABLE t DROP COLUMN w, ADD COLUMN w text DEFAULT 42', says: /"w" was dropped and another added in its name/ }, // prettier-ignore
  { change: 'ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN b int DEFAULT 42', says: /"b" was dropped and another/ }, // prettier-ignore
  { change: 'ALTER TABLE t RENAME a TO x; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME x TO b', says: /"a" was renamed to "b"; .*"b" was renamed to "a"/ }, // prettier-ignore
  { change: 'ALTER TABLE t RENAME b TO z', says: /RENAME COLUMN "b" TO "z"/ },
  {
    change: 'ALTER TABLE t RENAME b TO z; ALTER TABLE t ADD b int',
    says: /"b" was renamed to "z"/,
  },
  { change: 'ALTER TABLE t DROP COLUMN b', says: /DROP COLUMN "b"/ },
  { change: 'ALTER TABLE t ALTER b TYPE bigint USING b * 100', says: /TYPE bigint USING ….* use the same expression/s, using: 'USING b * 100' }, // prettier-ignore
  { change: 'ALTER TABLE t ALTER b TYPE int USING b * 100', says: /values of "b" were changed/ },
  { change: 'ALTER TABLE t ADD d int GENERATED ALWAYS AS (b * 2) STORED', says: /generated column "d" was added/ }, // prettier-ignore
  { change: 'ALTER TABLE t DROP g, ADD g int GENERATED ALWAYS AS (a * 3) STORED', says: /"g" was added in place of another/ }, // prettier-ignore
  { change: `ALTER TYPE mood RENAME VALUE 'low' TO 'down'`, says: /RENAME VALUE 'low' TO 'down'/ },
  { change: `ALTER TYPE mood ADD VALUE 'mid' BEFORE 'high'`, says: /ADD VALUE 'mid' AFTER 'low'/ },
  { change: 'ALTER TYPE pair DROP ATTRIBUTE b CASCADE; ALTER TYPE pair ADD ATTRIBUTE z int CASCADE', says: /DROP ATTRIBUTE "b" CASCADE; .* ADD ATTRIBUTE "z" integer/ }, // prettier-ignore
  { change: 'ALTER TYPE pair DROP ATTRIBUTE b CASCADE; ALTER TYPE pair ADD ATTRIBUTE b int CASCADE', says: /DROP ATTRIBUTE "b" CASCADE; .* ADD ATTRIBUTE "b" integer/ }, // prettier-ignore
  { change: 'ALTER DOMAIN small DROP CONSTRAINT below; ALTER DOMAIN small ADD CONSTRAINT wide CHECK (VALUE < 5000)', says: /DROP CONSTRAINT "below"/ }, // prettier-ignore
  { change: 'ALTER TABLE t ALTER a DROP NOT NULL', says: /"a" DROP NOT NULL/ },
  { change: 'ALTER TABLE t ALTER w TYPE text COLLATE "C"', says: /COLLATE pg_catalog."C"/ },
  { change: 'ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (a)', says: /CREATE UNIQUE INDEX ON "public"\."t" \("a"\)/ }, // prettier-ignore
];

describe('a change of structure that cannot be followed by itself stops with what makes the target equal', () => {
  it.each(BY_HAND)('while running: $change', async ({ change, says, using = '' }) => {
    await sql(SCHEMA);
    await pipeline.start();
    await sql(change);
    await sql('INSERT INTO o VALUES (1)');
    await mend(says, using, () => stopOf(() => pipeline.catchUp()));
  });

  /** Of these the log tells something, too, where rows change behind them. */
  const told = BY_HAND.filter(({ change }) => !/TYPE (mood|pair)|DOMAIN|GENERATED|NULL|COLLATE/.test(change)); // prettier-ignore

  it.each(told)(
    'while stopped, and rows changed behind it: $change',
    async ({ change, says, using = '' }) => {
      await sql(SCHEMA);
      await pipeline.start();
      await pipeline.stop();
      await sql(`UPDATE t SET b = b + 1 WHERE id = 1; ${change}`);
      await sql(
        `UPDATE t SET id = 50 WHERE id = 5; UPDATE t SET s = 7 WHERE id = 1; DELETE FROM t WHERE id = 2`,
      );
      await mend(says, using, stopOfStart);
    },
  );

  async function mend(says: RegExp, using: string, first: () => Promise<WeirError>): Promise<void> {
    const stop = await first();
    expect(stop).toMatchObject({ code: 'SCHEMA_CHANGED' });
    expect(stop.message).toMatch(says);
    const unique = /run (CREATE UNIQUE INDEX .*)/.exec(stop.message)?.[1];
    if (unique !== undefined) await atTarget(unique);
    else await follow(stop.message, using);
    await goOn();
    await expectEqual();
  }
});

describe('an added column follows by itself, with the values that older rows have', () => {
  const FOLLOWED = [
    ['though no row changes afterwards', 'CREATE TABLE t (id int PRIMARY KEY)', 'ALTER TABLE t ADD n int NOT NULL DEFAULT 5, ADD p text'], // prettier-ignore
    ['of a partitioned table, whose root has no values', `CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100)`, 'ALTER TABLE t ADD n int NOT NULL DEFAULT 5; INSERT INTO t VALUES (50, 6)'], // prettier-ignore
    ['and its default, given later, is for later rows', 'CREATE TABLE t (id int PRIMARY KEY)', `ALTER TABLE t ADD n uuid, ADD d int DEFAULT 1; ALTER TABLE t ALTER n SET DEFAULT gen_random_uuid(), ALTER d SET DEFAULT 2; INSERT INTO t (id) VALUES (9)`], // prettier-ignore
    ['after its table was written anew, which is no change', 'CREATE TABLE t (id int PRIMARY KEY)', 'VACUUM FULL t; ALTER TABLE t ADD n int; VACUUM FULL t; ALTER TABLE t ADD m int DEFAULT 3'], // prettier-ignore
  ] as const;

  it.each(FOLLOWED)('%s', async (_, schema, change) => {
    await sql(`${schema}; CREATE TABLE o (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 5)`); // prettier-ignore
    await pipeline.start();
    for (const each of change.split('; ')) await sql(each);
    await pipeline.catchUp();
    await expectEqual();
    await pipeline.stop();
    for (const each of change.split('; ')) await sql(each.replace(/ADD (\w)/g, 'ADD $1_2').replace(/ALTER (\w) /g, 'ALTER $1_2 ').replace('(50, 6)', '(51, 6)').replace('(9)', '(10)')); // prettier-ignore
    await goOn();
    await expectEqual();
  });

  it.each([
    'ADD u uuid DEFAULT gen_random_uuid()',
    'ADD u int GENERATED BY DEFAULT AS IDENTITY',
    'ADD u small DEFAULT 7',
    'ADD u int DEFAULT 7; VACUUM FULL t',
    'ADD u int; ALTER TABLE t DROP u; ALTER TABLE t ADD u int DEFAULT 8',
  ])('unless their values cannot be told: %s', async (change) => {
    await sql(SCHEMA);
    await pipeline.start();
    await pipeline.stop();
    for (const each of `ALTER TABLE t ${change}`.split('; ')) await sql(each);
    const stop = await stopOfStart();
    expect(stop).toMatchObject({ code: 'SCHEMA_CHANGED' });
    expect(stop.message).toMatch(/column "u" .*not in its log.*ADD COLUMN "u"/s);
  });
});

describe('tables are what they are, whatever their names', () => {
  it.each([
    ['BEGIN; CREATE TABLE n (LIKE t INCLUDING ALL); INSERT INTO n (id, a) SELECT id, a FROM t; ALTER TABLE t RENAME TO gone; ALTER TABLE n RENAME TO t; COMMIT', /public\.t was renamed to public\.gone .*another table put in its place/], // prettier-ignore
    ['DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, a int)', /public\.t was dropped .*another table put in its place/], // prettier-ignore
    ['DROP TABLE t', /public\.t was dropped/],
    ['ALTER TABLE t RENAME TO other', /public\.t was renamed to public\.other/],
    ['CREATE SCHEMA s; ALTER TABLE t SET SCHEMA s', /public\.t was renamed to s\.t/],
  ])('so the pipeline stops, running or not, at: %s', async (change, says) => {
    await sql(SCHEMA);
    await pipeline.start();
    await sql(change);
    for (const work of [() => stopOf(() => pipeline.catchUp()), stopOfStart]) {
      const stop = await work();
      expect(stop).toMatchObject({ code: 'SCHEMA_CHANGED' });
      expect(stop.message).toMatch(says);
    }
  });

  it('and one that was put in the place of another is copied once the other is forgotten', async () => {
    await sql(SCHEMA);
    await pipeline.start();
    await sql('CREATE TABLE n (LIKE t INCLUDING ALL); INSERT INTO n (id, a) VALUES (7, 7); DROP TABLE t; ALTER TABLE n RENAME TO t'); // prettier-ignore
    const { message } = await stopOf(() => pipeline.catchUp());
    expect(message).toMatch(/public\.t was dropped/);
    await atTarget(`TRUNCATE t; ${/(DELETE FROM weir\.namespace .*?);/.exec(message)![1]!}`);
    await goOn();
    await sql('UPDATE t SET a = 8');
    await pipeline.catchUp();
    await expectEqual();
  });

  it('one that is taken out of the publications stops the pipeline soon', async () => {
    await sql(SCHEMA);
    await pipeline.start();
    await sql(`ALTER PUBLICATION weir_${pipeline.name.replaceAll('-', '_')} DROP TABLE t`);
    expect(await stopOf(() => pipeline.catchUp())).toMatchObject({ code: 'POSITION_LOST' });
  });
});

it('what changes nothing in rows is no reason to stop', async () => {
  await sql(SCHEMA);
  await pipeline.start();
  const harmless = ['ALTER TABLE t ALTER b SET STATISTICS 10', 'ALTER TABLE t ALTER w SET STORAGE EXTERNAL', 'VACUUM FULL t', 'CLUSTER t USING t_pkey', 'ALTER TABLE t ALTER b SET DEFAULT 3', 'CREATE INDEX ON t (b)', 'ALTER TABLE t ALTER b SET NOT NULL', 'VACUUM (FULL, ANALYZE) t', 'GRANT SELECT (b) ON t TO PUBLIC', 'VACUUM FULL t']; // prettier-ignore
  for (const each of harmless) await sql(each);
  await pipeline.catchUp();
  await pipeline.stop();
  for (const each of harmless.toReversed()) await sql(each);
  await sql('UPDATE t SET b = b + 1 WHERE id < 4');
  await goOn();
  expect(await dumpQuery(urls.target, 'SELECT * FROM t')).toEqual(await dumpQuery(urls.source, 'SELECT * FROM t')); // prettier-ignore
});

it('a partition whose columns are in another order brings its changes under the right names', async () => {
  await sql('CREATE TABLE t (id int PRIMARY KEY, a int, w text) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10); CREATE TABLE o (id int PRIMARY KEY); INSERT INTO t VALUES (1, 1, \'x\')'); // prettier-ignore
  await pipeline.start();
  await sql('CREATE TABLE t2 (w text, a int, id int NOT NULL PRIMARY KEY); ALTER TABLE t ATTACH PARTITION t2 FOR VALUES FROM (10) TO (20)'); // prettier-ignore
  await pipeline.catchUp();
  await pipeline.writeSideState();
  await sql(
    `INSERT INTO t VALUES (11, 2, 'y'); UPDATE t SET a = 5; ALTER TABLE t ADD n int DEFAULT 4`,
  );
  await pipeline.catchUp();
  await expectEqual();
});

it('a change of structure while the copy runs counts for what is copied and what follows', async () => {
  await sql(SCHEMA);
  await pipeline.open();
  await sql('ALTER TABLE t ADD n int DEFAULT 5; UPDATE t SET n = 6 WHERE id = 1');
  await pipeline.copy();
  pipeline.follow();
  await pipeline.catchUp();
  await expectEqual();
});

it('a plan of an earlier version is taken over, and knows from then on which tables and columns it has', async () => {
  await sql(SCHEMA);
  await pipeline.start();
  await pipeline.stop();
  await atTarget(`UPDATE weir.namespace SET definition = definition - 'record'`);
  await goOn();
  await pipeline.stop();
  await sql('ALTER TABLE t DROP COLUMN w, ADD COLUMN w text DEFAULT 42');
  expect((await stopOf(goOn)).message).toMatch(/another added in its name/);
});

it('a table without its key stops the pipeline until it has one again', async () => {
  await sql(SCHEMA);
  await pipeline.start();
  await sql('ALTER TABLE t DROP CONSTRAINT t_pkey');
  expect((await stopOf(() => pipeline.catchUp())).message).toMatch(/what tells its rows apart/);
  expect((await stopOfStart()).message).toMatch(/what tells its rows apart/);
  await sql('ALTER TABLE t ADD PRIMARY KEY (id); UPDATE t SET b = 1');
  await goOn();
  await expectEqual();
});

it('a table that gets a key is copied anew, because its updates were not followed before', async () => {
  await sql('CREATE TABLE t (id int, a int); INSERT INTO t VALUES (1, 1); CREATE TABLE o (id int)');
  await pipeline.start();
  await sql('UPDATE t SET a = 2; ALTER TABLE t ADD PRIMARY KEY (id)');
  const stop = await stopOf(() => pipeline.catchUp());
  expect(stop.message).toMatch(/updates and deletes were not followed before/);
  await follow(stop.message, '');
  await goOn();
  expect(await dumpQuery(urls.target, 'SELECT * FROM t')).toEqual(['1\t2']);
});

describe('a run until it has caught up', () => {
  const weir = useWeir();

  it('has added columns at the target though no row changed, and does not say so while structures differ', async () => {
    const { file, sourceUrl, targetUrl } = await createPipeline(source, target);
    const catchUp = () => weir.run(['run', file, '--until', 'caught-up']);
    await queryPostgres(sourceUrl, 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)'); // prettier-ignore
    expect((await catchUp()).code).toBe(0);
    await queryPostgres(sourceUrl, 'ALTER TABLE t ADD n int DEFAULT 5');
    expect((await catchUp()).code).toBe(0);
    expect(await dumpQuery(targetUrl, 'SELECT * FROM t')).toEqual(['1\t5', '2\t5']);
    await queryPostgres(targetUrl, 'ALTER TABLE t ALTER n TYPE bigint');
    const { code, stderr } = await catchUp();
    expect(code).toBe(1);
    expect(stderr).toMatch(/its structure is not that of the source: .*"n"/);
  });

  it('says beforehand, as a check, what a start would stop at, and changes nothing', async () => {
    const { file, name, sourceUrl, targetUrl } = await createPipeline(source, target);
    const check = () => weir.run(['check', file]);
    await queryPostgres(sourceUrl, 'CREATE TABLE t (id int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 1)'); // prettier-ignore
    expect((await weir.run(['run', file, '--until', 'caught-up'])).code).toBe(0);
    expect(await check()).toMatchObject({ code: 0 });
    await queryPostgres(sourceUrl, 'ALTER TABLE t ALTER b TYPE bigint; ALTER TABLE t ADD n int DEFAULT 5; UPDATE t SET b = 2'); // prettier-ignore
    const state = async () => [
      ...(await dumpTables(targetUrl, ['t', 'weir.pipeline', 'weir.namespace', 'weir.lane'])),
      ...(await dumpQuery(sourceUrl, `SELECT slot_name, confirmed_flush_lsn FROM pg_replication_slots WHERE database = current_database()`)), // prettier-ignore
    ];
    const before = await state();
    const told = await check();
    expect(await state()).toEqual(before);
    const [, sentence] = /public\.t: (the structure of .*) \[SCHEMA_CHANGED\]/.exec(told.stdout)!;
    expect(sentence).toMatch(/"b" TYPE bigint/);
    const started = await weir.run(['run', file, '--until', 'caught-up']);
    expect(started.stderr).toContain(sentence);
    expect([told.code, started.code]).toEqual([1, 1]);

    const other = await createPipeline(source, target);
    const urls = { source: { url: sourceUrl }, target: { url: other.targetUrl } };
    await writeFile(other.file, JSON.stringify({ name, ...urls }));
    expect((await weir.run(['check', other.file])).stdout).toMatch(/exists at .* for another target.*\[STATE_CONFLICT\]/); // prettier-ignore

    // Of the state itself, too: not only what cannot be reached keeps it from being read.
    await queryPostgres(targetUrl, 'UPDATE weir.pipeline SET version = version + 1');
    const newer = await check();
    expect(newer.stdout).toMatch(/go on with the newer Weir.*\[STATE_REFUSED\]/);
    expect(newer.code).toBe(1);
  });

  it('does not guess what steps would have made of the values that older rows have in an added column', async () => {
    const transforms = [{ truncate: { v: 3 } }];
    const { file, sourceUrl } = await createPipeline(source, target, { transforms });
    const catchUp = () => weir.run(['run', file, '--until', 'caught-up']);
    await queryPostgres(sourceUrl, `CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'value')`); // prettier-ignore
    expect((await catchUp()).code).toBe(0);
    expect((await weir.run(['check', file])).code).toBe(0);
    await queryPostgres(sourceUrl, 'ALTER TABLE t ADD n int DEFAULT 5');
    const checked = await weir.run(['check', file]);
    expect(checked.stdout).toMatch(/"n" at the source, whose values in older rows.*SCHEMA_CHANGED/);
    const { code, stderr } = await catchUp();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /column "n" at the source, whose values in older rows are not in its log/,
    );
  });
});
