import { describe, expect, it } from 'vitest';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { SinkPipeline } from '../support/sink-pipeline.ts';

const source = usePostgres();
const target = useTargetPostgres();

const TABLES = 'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY, v text)'; // prettier-ignore

/** The pipeline after its copy, and as it comes back later: with the pipeline file and the target of then. */
async function copied(map: Record<string, string> = {}) {
  const [sourceUrl, targetUrl] = [await source.createDatabase(), await target.createDatabase()];
  await queryPostgres(sourceUrl, TABLES);
  const comeBack = async (now: Record<string, string> = map) => {
    const pipeline = await SinkPipeline.create(sourceUrl, targetUrl, { map: now });
    for (const namespace of pipeline.plan.namespaces) namespace.state = 'ready';
    return pipeline;
  };
  const first = await SinkPipeline.create(sourceUrl, targetUrl, { map });
  await first.start();
  await first.write(0, { 'public.t': { upserts: [['1', 'a']] } });
  return { first, comeBack, targetUrl };
}

const rowsOf = (url: string, table: string) => queryPostgres(url, `SELECT * FROM ${table} ORDER BY 1`); // prettier-ignore

describe('rows go only into the table that was copied into', () => {
  it('a map that names another table now is refused before anything is written', async () => {
    const { first, comeBack, targetUrl } = await copied();
    await first.close();
    const edited = await comeBack({ 'public.t': 'public.u', 'public.u': 'public.t' });
    await expect(edited.start()).rejects.toThrow(/copied into the table public\.t, and the pipeline file names public\.u/); // prettier-ignore
    const findings = await edited.sink.check(edited.plan.namespaces);
    expect(findings.filter(({ level }) => level === 'error').length).toBeGreaterThan(0);
    // A writer of its own asks nobody for the plan.
    await expect(edited.write(0, { 'public.t': { upserts: [['2', 'b']] } })).rejects.toThrow(/names public\.u/); // prettier-ignore
    await edited.close();
    expect(await rowsOf(targetUrl, 'u')).toEqual([]);
  });

  it('a name that the server would cut is refused: two that begin alike would be one table', async () => {
    const [sourceUrl, targetUrl] = [await source.createDatabase(), await target.createDatabase()];
    await queryPostgres(sourceUrl, TABLES);
    const long = 'n'.repeat(63);
    const map = { 'public.t': `public.${long}1`, 'public.u': `public.${long}2` };
    const pipeline = await SinkPipeline.create(sourceUrl, targetUrl, { map });
    const told = { code: 'CONFIG_INVALID', message: expect.stringMatching(/has 64 bytes.*shorter one with "map"/) as string }; // prettier-ignore
    await expect(pipeline.sink.check(pipeline.plan.namespaces)).rejects.toMatchObject(told);
    await expect(pipeline.start()).rejects.toMatchObject(told);
    await pipeline.close();
    expect(await queryPostgres(targetUrl, `SELECT to_regclass('"${long}"') AS made`)).toEqual([{ made: null }]); // prettier-ignore
  });

  it('a table that was renamed together with its entry in the map is followed', async () => {
    const { first, comeBack, targetUrl } = await copied();
    await first.close();
    await queryPostgres(targetUrl, 'ALTER TABLE t RENAME TO renamed');
    const edited = await comeBack({ 'public.t': 'public.renamed' });
    await edited.start();
    await edited.write(0, { 'public.t': { upserts: [['2', 'b']] } });
    await edited.close();
    expect(await rowsOf(targetUrl, 'renamed')).toHaveLength(2);
  });

  it('a table that was made again under its name is refused, at the start and while running', async () => {
    const { first, comeBack, targetUrl } = await copied();
    await queryPostgres(targetUrl, 'DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, v text)');
    await expect(first.sink.writeSideState(null)).rejects.toThrow(/not the one that public\.t was copied into/); // prettier-ignore
    await first.close();
    const again = await comeBack();
    await expect(again.start()).rejects.toThrow(/not the one that public\.t was copied into/);
    await again.close();
  });

  it('a table that is gone is not advised to be created empty', async () => {
    const { first, comeBack, targetUrl } = await copied();
    await first.close();
    await queryPostgres(targetUrl, 'DROP TABLE t');
    const again = await comeBack();
    await expect(again.start()).rejects.toThrow(/gone from the target, and with it the rows/);
    await again.close();
  });

  it('a database that was restored as a whole goes on', async () => {
    const { first, comeBack, targetUrl } = await copied();
    await first.close();
    // A restore gives all tables new OIDs, those of the state too.
    await queryPostgres(targetUrl, `
      CREATE TABLE t2 (LIKE t INCLUDING ALL); INSERT INTO t2 SELECT * FROM t; DROP TABLE t; ALTER TABLE t2 RENAME TO t;
      CREATE TABLE weir.n2 (LIKE weir.namespace INCLUDING ALL); INSERT INTO weir.n2 SELECT * FROM weir.namespace;
      DROP TABLE weir.namespace; ALTER TABLE weir.n2 RENAME TO namespace`); // prettier-ignore
    const again = await comeBack();
    await again.start();
    await again.write(0, { 'public.t': { upserts: [['2', 'b']] } });
    await again.close();
    // And what stands there now is known.
    await queryPostgres(targetUrl, 'DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, v text)');
    const later = await comeBack();
    await expect(later.start()).rejects.toThrow(/not the one/);
    await later.close();
  });
});
