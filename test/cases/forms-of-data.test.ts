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
const ARRAY = `CREATE TABLE felt (id int PRIMARY KEY, m mood[]);
  INSERT INTO felt SELECT i, '{sad,so so}' FROM generate_series(1, 50) i`;

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
      return `${relation.namespace} ${relation.columns[0]!.encoding} ${copied}`;
    });
  };
  expect(await forms()).toEqual(['public.spans binary postgres.copy.binary']);
  await pipeline.copy();
  await pipeline.stop();
  await queryPostgres(url, ARRAY);
  expect((await forms()).sort()).toEqual([
    'public.felt text postgres.copy.text',
    'public.spans text ',
  ]);
  const { findings } = await pipeline.source.check({
    mode: 'snapshot+changes',
    namespaces: undefined,
    lanes: 4,
  });
  const said = findings.filter(({ subject }) => subject === 'public.felt');
  expect(said.map(({ level }) => level)).toEqual(['ok']);
  expect(said[0]!.message).toMatch(
    /binary form of m public\.mood\[\]: public\.felt is copied as text/,
  );
});

it('values arrive while the form of changes becomes another one between two runs', async () => {
  const pipeline = await createPipeline(source, target);
  const { sourceUrl, targetUrl } = pipeline;
  await queryPostgres(sourceUrl, RANGE);
  const tables = ['spans', 'felt'];
  const running = weir.start(['run', pipeline.file]);
  await running.waitForLine(/streaming/);
  await queryPostgres(sourceUrl, `UPDATE spans SET s = span(-id, 0); DELETE FROM spans WHERE id > 40`); // prettier-ignore
  expect((await running.stop()).code, running.output).toBe(0);
  await queryPostgres(sourceUrl, `${ARRAY}; UPDATE spans SET m = 'empty' WHERE id < 20`);
  const second = weir.start(['run', pipeline.file]);
  if ((await majorVersion(sourceUrl)) >= 14) await second.waitForLine(/another form than before/);
  await second.waitForLine(/streaming/);
  await queryPostgres(sourceUrl, `UPDATE felt SET m = '{NULL}' WHERE id < 9; UPDATE spans SET s = NULL WHERE id = 7`); // prettier-ignore
  expect((await second.stop()).code, second.output).toBe(0);
  const last = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
  expect(last.code, last.stderr).toBe(0);
  expect(await dumpTables(targetUrl, tables)).toEqual(await dumpTables(sourceUrl, tables));
});
