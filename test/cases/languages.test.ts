import { describe, expect, it } from 'vitest';
import { toTuple } from '../../shared/change/tuple.ts';
import type { SinkOptions } from '../../shared/connector/end-options.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { SinkPipeline, toParts } from '../support/sink-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const german = usePostgres({ language: 'de' });
const weir = useWeir();

/** A build without translations says everything in English, and then there is nothing to see here. */
async function speaksGerman(): Promise<boolean> {
  const said = await queryPostgres(german.url, 'SELECT 1/0').then(
    () => '',
    (error: Error) => error.message,
  );
  if (/Division durch Null/.test(said)) return true;
  process.stderr.write('left out: messages in German (this server has no translations)\n');
  return false;
}

async function open(
  sql: string,
  options: Partial<SinkOptions> = {},
): Promise<{ sink: SinkPipeline; url: string }> {
  const [sourceUrl, url] = [await german.createDatabase(), await german.createDatabase()];
  for (const each of [sourceUrl, url]) await queryPostgres(each, sql);
  return { sink: await SinkPipeline.create(sourceUrl, url, options), url };
}

const IN_PLPGSQL = `LANGUAGE plpgsql AS 'BEGIN IF x = ''a'' THEN PERFORM 1 FROM lookup; END IF; RETURN true; END'`;
/** Neither inlined nor worked out beforehand. */
const IN_SQL = `LANGUAGE sql VOLATILE SECURITY DEFINER AS
  'SELECT CASE WHEN x = ''a'' THEN has_table_privilege(''lookup'', ''SELECT'') ELSE true END'`;

describe('where the server speaks German', () => {
  it.each([
    ['PL/pgSQL', IN_PLPGSQL, /public\.is_ok\(text\)/],
    ['SQL', IN_SQL, /is_ok/],
  ])(
    'a row is put aside that a function in %s fails for, and the function is named',
    async (_, body, named) => {
      if (!(await speaksGerman())) return;
      const { sink, url } = await open(
        `CREATE FUNCTION is_ok(x text) RETURNS bool ${body};
         CREATE TABLE t (id text PRIMARY KEY, v text CHECK (is_ok(v)))`,
        { onBadRow: 'park' },
      );
      const chunk = sink.addChunk('public.t');
      sink.readerEpoch = await sink.sink.beginReader();
      await sink.sink.savePlan(sink.plan, sink.readerEpoch);
      const load = (): Promise<string> =>
        sink.sink.writeData(sink.headOf(chunk, 2), toParts([['1', null], ['7', 'a']].map(toTuple))); // prettier-ignore
      expect(await load()).toBe('again');
      expect(await load()).toBe('loaded');
      expect(await queryPostgres(url, 'SELECT id FROM t')).toEqual([{ id: '1' }]);
      const [parked] = await queryPostgres(url, 'SELECT reason FROM weir.parked');
      expect(parked?.['reason']).toMatch(named);
      await sink.close();
    },
  );

  it('no value that a function tells of gets into a message', async () => {
    if (!(await speaksGerman())) return;
    const { sink } = await open(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN RAISE ''geheim'' USING ERRCODE = ''0A000'', DETAIL = ''geheim'', HINT = ''geheim''; END';
       CREATE TABLE t (id text PRIMARY KEY);
       CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse();
       ALTER TABLE t ENABLE ALWAYS TRIGGER r`,
    );
    await sink.start();
    const failure = await sink.write(0, { 'public.t': { upserts: [['1']] } }).then(
      () => '',
      (error: Error) => error.message,
    );
    expect(failure).toMatch(/raised by the function public\.refuse\(\)/);
    expect(failure).not.toMatch(/DETAIL|geheim.*geheim/);
    await sink.close();
  });

  it('a row without a partition waits for one', async () => {
    if (!(await speaksGerman())) return;
    const { sink, url } = await open(
      'CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (10)',
      { onBadRow: 'park' },
    );
    await sink.start();
    await expect(sink.write(0, { 'public.t': { upserts: [['1'], ['12']] } })).rejects.toMatchObject(
      { code: 'TARGET_NOT_READY' },
    );
    await queryPostgres(url, 'CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (10) TO (20)');
    await sink.write(0, { 'public.t': { upserts: [['1'], ['12']] } });
    expect(await queryPostgres(url, 'SELECT id FROM t ORDER BY id')).toHaveLength(2);
    await sink.close();
  });

  it('a database is copied and followed, and a wrong password is a refusal', async () => {
    if (!(await speaksGerman())) return;
    const pipeline = await createPipeline(german, german);
    await queryPostgres(pipeline.sourceUrl, 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)'); // prettier-ignore
    expect((await weir.run(['run', pipeline.file, '--until', 'caught-up'])).code).toBe(0);
    await queryPostgres(pipeline.sourceUrl, 'INSERT INTO t VALUES (2)');
    expect((await weir.run(['run', pipeline.file, '--until', 'caught-up'])).code).toBe(0);
    expect(await queryPostgres(pipeline.targetUrl, 'SELECT id FROM t')).toHaveLength(2);
    const nobody = await createPipeline(german, german, {}, (at) => at.replace('//postgres', '//nobody')); // prettier-ignore
    const { code, stdout, stderr } = await weir.run(['check', nobody.file]);
    expect(code).toBe(1);
    expect(stdout + stderr).not.toMatch(/defect/);
  });
});
