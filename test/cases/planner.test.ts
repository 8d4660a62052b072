import { describe, expect, it } from 'vitest';
import type { SideState } from '../../services/connectors/postgres/catalog/table-definition.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { SinkPipeline } from '../support/sink-pipeline.ts';
import { SourcePipeline } from '../support/source-pipeline.ts';

const source = usePostgres();
const target = useTargetPostgres();

/** Each makes the planner look at the catalogs in another order, as other sizes and statistics of them do. */
const PLANS: Record<string, string[]> = {
  'as the server is': [],
  'only hash joins': ['enable_nestloop', 'enable_mergejoin', 'enable_indexscan', 'enable_bitmapscan'],
  'only merge joins': ['enable_nestloop', 'enable_hashjoin', 'enable_indexscan', 'enable_bitmapscan'],
  'only nested loops': ['enable_hashjoin', 'enable_mergejoin', 'enable_memoize'],
  'only scans of whole catalogs': ['enable_indexscan', 'enable_bitmapscan', 'enable_indexonlyscan'],
}; // prettier-ignore

/** Everything that a catalog can hold beside tables with sequences. */
const OTHER_RELATIONS = `
  CREATE TABLE plain (id int PRIMARY KEY, v text, CHECK (id > 0));
  CREATE TABLE parted (id int, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
  CREATE INDEX ON parted (v);
  CREATE TABLE numbered (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
  CREATE VIEW seen AS SELECT * FROM plain;
  CREATE MATERIALIZED VIEW kept AS SELECT * FROM plain;
  CREATE TYPE pair AS (a int, b int);
  CREATE SEQUENCE standalone;
  CREATE UNLOGGED TABLE fleeting (id serial PRIMARY KEY)`;

function serialTables(from: number, to: number): string {
  const each = (i: number): string => `CREATE TABLE s${i} (id serial PRIMARY KEY);`;
  return Array.from({ length: to - from }, (_, i) => each(from + i)).join('');
}

async function planAs(url: string, off: readonly string[]): Promise<void> {
  const database = new URL(url).pathname.slice(1);
  await queryPostgres(url, `ALTER DATABASE ${database} RESET ALL`);
  for (const name of off) {
    const [known] = await queryPostgres(url, 'SELECT FROM pg_settings WHERE name = $1', [name]);
    if (known) await queryPostgres(url, `ALTER DATABASE ${database} SET ${name} = off`);
  }
}

describe('whatever the planner makes of a query on the catalog', () => {
  it('a database with any number of serial columns passes the check', async () => {
    const url = await source.createDatabase();
    const pipeline = new SourcePipeline(url);
    await queryPostgres(url, OTHER_RELATIONS);
    for (let tables = 0; tables <= 16; tables++) {
      for (const [name, off] of Object.entries(PLANS)) {
        if (off.length > 0 && tables % 5 !== 0) continue;
        await planAs(url, off);
        const scope = { mode: 'snapshot+changes' as const, namespaces: undefined, lanes: 4 };
        const check = pipeline.source.check(scope).then(({ findings }) => findings);
        expect(await check, `${tables} tables, ${name}`).not.toContainEqual(
          expect.objectContaining({ level: 'error' }),
        );
        // So that the next has new connections.
        await pipeline.source.close();
      }
      await queryPostgres(url, serialTables(tables, tables + 1));
    }
    await pipeline.close();
  });

  it('sequences are read and set', async () => {
    const [sourceUrl, targetUrl] = [await source.createDatabase(), await target.createDatabase()];
    await queryPostgres(sourceUrl, OTHER_RELATIONS + ';' + serialTables(0, 5));
    for (const [name, off] of Object.entries(PLANS)) {
      await planAs(sourceUrl, off);
      await planAs(targetUrl, off);
      await queryPostgres(sourceUrl, 'INSERT INTO s1 DEFAULT VALUES; INSERT INTO numbered DEFAULT VALUES'); // prettier-ignore
      const pipeline = new SourcePipeline(sourceUrl);
      await pipeline.open();
      const state = (await pipeline.session?.sideState()) as SideState;
      await pipeline.close();
      const sink = await SinkPipeline.create(sourceUrl, targetUrl);
      await sink.sink.check(sink.plan.namespaces);
      await sink.start();
      await sink.sink.writeSideState(state);
      await sink.close();
      const stands = 'SELECT (SELECT last_value FROM s1_id_seq) AS serial, (SELECT last_value FROM numbered_id_seq) AS identity'; // prettier-ignore
      expect(await queryPostgres(targetUrl, stands), name).toEqual(
        await queryPostgres(sourceUrl, stands),
      );
    }
  });

  it('a table at the target with the name of a sequence is no sequence to be set', async () => {
    const [sourceUrl, targetUrl] = [await source.createDatabase(), await target.createDatabase()];
    await queryPostgres(sourceUrl, 'CREATE TABLE t (id serial PRIMARY KEY)');
    await queryPostgres(targetUrl, 'CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE t_id_seq (id int PRIMARY KEY)'); // prettier-ignore
    const said: string[] = [];
    const log = { debug: () => {}, info: () => {}, warn: (_: unknown, what: string) => void said.push(what) }; // prettier-ignore
    const sink = await SinkPipeline.create(sourceUrl, targetUrl, { log });
    await sink.start();
    const state = { sequences: [{ schema: 'public', name: 't_id_seq', lastValue: '7', isCalled: true }], partitions: [] }; // prettier-ignore
    await sink.sink.writeSideState(state);
    await sink.close();
    expect(said.join()).toMatch(/the sequence of public\.t\.id is not at the target/);
  });
});
