import { describe, expect, it } from 'vitest';
import { toTuple } from '../../shared/change/tuple.ts';
import type { SinkOptions } from '../../shared/connector/end-options.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { SinkPipeline, toParts } from '../support/sink-pipeline.ts';

const source = usePostgres();
const target = useTargetPostgres();

/** A sink between two databases, of which each has what is given. */
async function open(
  sourceSql: string,
  targetSql: string,
  options: Partial<SinkOptions> = {},
): Promise<{ sink: SinkPipeline; url: string }> {
  const [sourceUrl, url] = [await source.createDatabase(), await target.createDatabase()];
  await queryPostgres(sourceUrl, sourceSql);
  if (targetSql !== '') await queryPostgres(url, targetSql);
  return { sink: await SinkPipeline.create(sourceUrl, url, options), url };
}

async function messageOf(promise: Promise<unknown>, code: string): Promise<string> {
  const error = await promise.then(
    () => null,
    (failure: unknown) => failure,
  );
  expect(error).toMatchObject({ code });
  return (error as Error).message;
}

/** The statement that a message tells to run. */
function statementIn(message: string, pattern: RegExp): string {
  const [statement] = pattern.exec(message) ?? [];
  expect(statement, message).toBeDefined();
  return statement!;
}

describe('what the server refuses is told with what to do', () => {
  it('TRUNCATE of a table that another one at the target refers to, also by check', async () => {
    const { sink, url } = await open(
      'CREATE TABLE par (id int PRIMARY KEY)',
      'CREATE TABLE par (id int PRIMARY KEY); CREATE TABLE child (id int CONSTRAINT "to par" REFERENCES par)',
    );
    const findings = await sink.sink.check(sink.plan.namespaces);
    const [warning] = findings.filter(({ level }) => level === 'warning');
    expect(warning?.message).toMatch(/child, .* TRUNCATE .* DROP CONSTRAINT "to par"/);
    await sink.start();
    await sink.write(0, { 'public.par': { upserts: [['1']] } });
    const truncate = (): Promise<unknown> =>
      sink.runBarrier({
        kind: 'truncate',
        relations: [sink.relation('public.par')],
        cascade: false,
        restartIdentity: false,
      });
    const said = await messageOf(truncate(), 'TARGET_UNFIT');
    await queryPostgres(url, statementIn(said, /ALTER TABLE [^;]*/));
    await truncate();
    expect(await queryPostgres(url, 'SELECT FROM par')).toEqual([]);
    await sink.close();
  });

  const WITH_CHECK = `
    CREATE TABLE lookup (k text PRIMARY KEY);
    CREATE FUNCTION is_ok(x text) RETURNS bool LANGUAGE plpgsql AS
      'BEGIN IF x IS NULL THEN RETURN true; END IF; RETURN EXISTS (SELECT 1 FROM lookup WHERE k = x); END';
    CREATE TABLE t (id text PRIMARY KEY, v text CHECK (is_ok(v)))`;

  it('a check whose function names a table without its schema, with the key of the row', async () => {
    const { sink, url } = await open(WITH_CHECK, WITH_CHECK);
    await sink.start();
    const write = (): Promise<unknown> =>
      sink.write(0, { 'public.t': { upserts: [['1', null], ['7', 'a']] } }); // prettier-ignore
    await queryPostgres(url, `INSERT INTO lookup VALUES ('a')`);
    const said = await messageOf(write(), 'ROW_REFUSED');
    expect(said).toMatch(/"lookup" does not exist, raised by the function public\.is_ok\(text\)/);
    expect(said).toMatch(/the row with id = 7/);
    await queryPostgres(
      url,
      statementIn(said, /ALTER FUNCTION .* SET search_path = public, pg_temp/),
    );
    await write();
    expect(await queryPostgres(url, 'SELECT id FROM t ORDER BY id')).toHaveLength(2);
    await sink.close();
  });

  it('the same while it is copied, where such rows can be put aside', async () => {
    const { sink, url } = await open(WITH_CHECK, WITH_CHECK, { onBadRow: 'park' });
    const chunk = sink.addChunk('public.t');
    sink.readerEpoch = await sink.sink.beginReader();
    await sink.sink.savePlan(sink.plan, sink.readerEpoch);
    const load = (): Promise<string> =>
      sink.sink.writeData(sink.headOf(chunk, 2), toParts([['1', null], ['7', 'a']].map(toTuple))); // prettier-ignore
    expect(await load()).toBe('again');
    expect(await load()).toBe('loaded');
    expect(await queryPostgres(url, 'SELECT id FROM t')).toEqual([{ id: '1' }]);
    const [parked] = await queryPostgres(url, 'SELECT reason FROM weir.parked');
    expect(parked?.['reason']).toMatch(/public\.is_ok\(text\)/);
    await sink.close();
  });

  it('a change that a publication of the target does not let through', async () => {
    const { sink, url } = await open(
      'CREATE TABLE t (id int PRIMARY KEY, v text)',
      `CREATE TABLE t (id int PRIMARY KEY, v text); ALTER TABLE t REPLICA IDENTITY NOTHING;
       CREATE PUBLICATION of_target FOR TABLE t`,
    );
    await sink.start();
    const write = (): Promise<unknown> => sink.write(0, { 'public.t': { upserts: [['1', 'a']] } });
    expect(await messageOf(write(), 'STATEMENT_REFUSED')).toMatch(/replica identity.*ALTER TABLE/);
    await queryPostgres(url, 'ALTER TABLE t REPLICA IDENTITY DEFAULT');
    await write();
    await sink.close();
  });
});
