import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DirectPipeline } from '../support/direct-pipeline.ts';
import { dumpQuery, dumpTable } from '../support/psql.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';

const source = usePostgres();
const target = useTargetPostgres();

let urls: { source: string; target: string };
let pipeline: DirectPipeline;

beforeEach(async () => {
  urls = { source: await source.createDatabase(), target: await target.createDatabase() };
  pipeline = new DirectPipeline(urls.source, urls.target);
});

afterEach(() => pipeline.close());
const sql = (text: string) => queryPostgres(urls.source, text);

for (let i = 0; i < 12; i++)
  it(`race ${i}`, async () => {
    await sql(
      `CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' FROM generate_series(1, 10) i`,
    );
    await pipeline.start();
    await sql(
      `INSERT INTO t VALUES (11, 'before');
       ALTER TABLE t ADD added int DEFAULT 7, ADD stamp timestamptz DEFAULT now();
       INSERT INTO t (id, v, added) VALUES (12, 'after', 8)`,
    );
    await pipeline.catchUp();
    expect(await dumpTable(urls.target, 't')).toEqual(await dumpTable(urls.source, 't'));
  });
