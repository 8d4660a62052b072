import { expect, it, onTestFinished } from 'vitest';
import { dumpTables } from '../support/psql.ts';
import {
  leaveOut,
  majorVersion,
  queryPostgres,
  usePostgres,
  useTargetPostgres,
} from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { SourcePipeline } from '../support/source-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

const RANGE = `CREATE TYPE mood AS ENUM ('sad', 'so so');
  CREATE TYPE span AS RANGE (subtype = float8); CREATE TYPE moods AS RANGE (subtype = mood);
  CREATE TABLE spans (id int PRIMARY KEY, s span, m moods);
  INSERT INTO spans SELECT i, span(i, i + 0.5), moods('sad', 'so so', '[]') FROM generate_series(1, 50) i`;
const ARRAY = `CREATE TYPE label AS ENUM ('sad', 'so so', 'NULL', 'null', 'a"b\\c', '', 'x,{}', 'ö');
  CREATE DOMAIN labels AS label[];
  CREATE TABLE felt (id int PRIMARY KEY, m label[], d labels, v numeric DEFAULT 1.50);
  CREATE TABLE keyed (k label[], n int, w text, PRIMARY KEY (k, n));
  INSERT INTO felt SELECT i, '{sad,so so}', NULL FROM generate_series(1, 50) i;
  INSERT INTO keyed SELECT ARRAY['ö', 'x,{}']::label[], i, repeat('w', 9000) FROM generate_series(1, 50) i`;
const PAIR = `CREATE TYPE pair AS (a int, b text); CREATE TABLE pairs (id int PRIMARY KEY, p pair);
  INSERT INTO pairs SELECT i, ROW(i, 'x'::text)::pair FROM generate_series(1, 50) i`;
/** Every label, more dimensions, other bounds, none and NULL. */
const CHANGES = `UPDATE felt SET m = enum_range(NULL::label) || NULL::label, d = enum_range(NULL::label) WHERE id < 9;
  UPDATE felt SET m = ARRAY[['sad', 'ö'], ['', 'NULL']]::label[], v = 2 WHERE id = 9;
  UPDATE felt SET m = '[2:3]={sad,"a\\"b\\\\c"}', d = '{}' WHERE id = 10; UPDATE felt SET m = '{}' WHERE id = 11;
  UPDATE felt SET m = '[0:0][-1:0]={{sad,NULL}}' WHERE id = 12; UPDATE felt SET m = NULL WHERE id = 13;
  DELETE FROM felt WHERE id > 45; UPDATE keyed SET n = -n WHERE n < 9; UPDATE keyed SET k = '{}' WHERE n = 9;
  DELETE FROM keyed WHERE n > 30; UPDATE keyed SET w = 'short' WHERE n > 20;
  UPDATE spans SET s = NULL WHERE id = 7`;

it('each copy has the form of its own table, changes that of all, and the check names the column that decides', async ({
  skip,
}) => {
  if ((await majorVersion(source.url)) < 14)
    return skip(`${leaveOut(13, 'changes that come in binary', 'they are always text there')}`);
  const url = await source.createDatabase();
  await queryPostgres(url, RANGE);
  const pipeline = new SourcePipeline(url);
  onTestFinished(() => pipeline.close());
  const forms = async (): Promise<string[]> => {
    const { namespaces } = await pipeline.open();
    return namespaces.map(({ relation, chunks }) => {
      const copied = chunks.map(({ dataType }) => dataType).join();
      const values = relation.columns.map(({ encoding }) => encoding).join();
      return `${relation.namespace} ${values} ${copied}`;
    });
  };
  expect(await forms()).toEqual(['public.spans binary,binary,binary postgres.copy.binary']);
  await pipeline.copy();
  await pipeline.stop();
  await queryPostgres(url, ARRAY);
  expect((await forms()).sort()).toEqual([
    'public.felt binary,text,text,binary postgres.copy.text',
    'public.keyed text,binary,binary postgres.copy.text',
    'public.spans binary,binary,binary ',
  ]);
  await pipeline.copy();
  await pipeline.stop();
  await queryPostgres(url, PAIR);
  expect((await forms()).sort()).toEqual([
    'public.felt text,text,text,text ',
    'public.keyed text,text,text ',
    'public.pairs text,text postgres.copy.text',
    'public.spans text,text,text ',
  ]);
  const { findings } = await pipeline.source.check({
    mode: 'snapshot+changes',
    namespaces: undefined,
    lanes: 4,
  });
  const said = findings.filter(({ subject }) => subject === 'public.pairs');
  expect(said.map(({ level }) => level)).toEqual(['ok']);
  expect(said[0]!.message).toMatch(
    /binary form of p public\.pair: public\.pairs is copied as text/,
  );
});

it.each(['key', 'transaction'] as const)(
  'values arrive in the order of a %s while some columns come as text in a binary stream, and while the form of all changes between two runs',
  async (order) => {
    const pipeline = await createPipeline(source, target, { order });
    const { sourceUrl, targetUrl } = pipeline;
    const tables = ['felt', 'keyed', 'spans'];
    const run = async (sql: string, said?: RegExp): Promise<void> => {
      const running = weir.start(['run', pipeline.file]);
      if (said !== undefined && (await majorVersion(sourceUrl)) >= 14)
        await running.waitForLine(said);
      await running.waitForLine(/streaming/);
      await queryPostgres(sourceUrl, sql);
      expect((await running.stop()).code, running.output).toBe(0);
      const caughtUp = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
      expect(caughtUp.code, caughtUp.stderr).toBe(0);
      expect(await dumpTables(targetUrl, tables)).toEqual(await dumpTables(sourceUrl, tables));
    };
    await queryPostgres(sourceUrl, `${RANGE}; ${ARRAY}`);
    await run(CHANGES);
    await queryPostgres(sourceUrl, PAIR);
    await run(`INSERT INTO felt SELECT i, '{ö}' FROM generate_series(60, 70) i; ${CHANGES}`, /another form than before/); // prettier-ignore
  },
);
