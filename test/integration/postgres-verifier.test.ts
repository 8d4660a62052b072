import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPostgresVerifier } from '../../services/connectors/postgres/verify/verifier.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { Verifier } from '../../shared/connector/verifier.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { silentLog } from '../support/sink-pipeline.ts';

const postgres = usePostgres();
let urls: [string, string];
let ends: [Verifier, Verifier];

beforeEach(async () => {
  urls = [await postgres.createDatabase(), await postgres.createDatabase()];
  const open = (url: string): Verifier =>
    createPostgresVerifier({ pipeline: 'test', url, log: silentLog() });
  ends = [open(urls[0]), open(urls[1])];
});

afterEach(async () => {
  await Promise.all(ends.map((end) => end.close()));
});

async function onBoth(sql: string): Promise<void> {
  await Promise.all(urls.map((url) => queryPostgres(url, sql)));
}

async function relation(namespace: string): Promise<Relation> {
  const [found] = await ends[0].relations('source', [namespace]);
  return found!;
}

/** Keys of rows that differ between the two ends, found bucket by bucket. */
async function differences(namespace: string, buckets = 64): Promise<string[]> {
  const shape = await relation(namespace);
  const [a, b] = await Promise.all(ends.map((end) => end.bucketHashes(namespace, shape, buckets)));
  const keys = new Set<string>();
  for (let bucket = 0; bucket < buckets; bucket++) {
    const [left, right] = [a, b].map((all) => all!.find((each) => each.bucket === bucket));
    if (left?.hash === right?.hash && left?.rows === right?.rows) continue;
    const rows = await Promise.all(
      ends.map((end) => end.rowHashes(namespace, shape, buckets, bucket)),
    );
    const texts = rows.map((all) => new Set(all.map((row) => JSON.stringify(row))));
    for (const [i, all] of rows.entries())
      for (const row of all) if (!texts[1 - i]!.has(JSON.stringify(row))) keys.add(row.key);
  }
  return [...keys].sort();
}

describe('the verifier', () => {
  it('finds a flipped bit, a missing row, an extra row and a cut text among 300,000 rows', async () => {
    await onBoth(
      `CREATE TABLE big (id bigint PRIMARY KEY, body text, data bytea, n numeric, at timestamptz);
       INSERT INTO big SELECT i, 'text of row ' || i, int8send(i), i / 8.0, 'epoch'::timestamptz + i * interval '1 s' FROM generate_series(1, 300000) i`,
    );
    const shape = await relation('public.big');
    const both = await Promise.all(ends.map((end) => end.bucketHashes('public.big', shape, 1024)));
    expect(both[0]).toEqual(both[1]);
    expect(both[0]?.reduce((sum, { rows }) => sum + rows, 0)).toBe(300_000);
    await queryPostgres(
      urls[1],
      `UPDATE big SET data = set_bit(data, 3, 1) WHERE id = 77; DELETE FROM big WHERE id = 5000;
       INSERT INTO big VALUES (-3); UPDATE big SET body = left(body, -1) WHERE id = 299999`,
    );
    expect(await differences('public.big', 1024)).toEqual(['{-3}', '{299999}', '{5000}', '{77}']);
  });

  it('sees what equality hides, and tells NULL from empty', async () => {
    await onBoth(`CREATE TABLE t (id int PRIMARY KEY, n numeric, s text, f float8);
      INSERT INTO t VALUES (1, 1.0, '', 0), (2, 2.0, 'x', 0), (3, 3, 'y', 0)`);
    await queryPostgres(urls[1], `UPDATE t SET n = 1.00 WHERE id = 1; UPDATE t SET s = NULL WHERE id = 2; UPDATE t SET f = '-0' WHERE id = 3`); // prettier-ignore
    expect(await differences('public.t')).toEqual(['{1}', '{2}', '{3}']);
    await queryPostgres(urls[1], `UPDATE t SET s = '' WHERE id = 2`);
    expect(await differences('public.t')).toEqual(['{1}', '{2}', '{3}']);
  });

  it('does not mind the order of columns, and compares generated ones', async () => {
    await queryPostgres(urls[0], 'CREATE TABLE t (id int PRIMARY KEY, a int, b int, g int GENERATED ALWAYS AS (a + b) STORED); INSERT INTO t VALUES (1, 2, 3)'); // prettier-ignore
    await queryPostgres(urls[1], 'CREATE TABLE t (b int, g int GENERATED ALWAYS AS (a + b) STORED, extra text, a int, id int PRIMARY KEY); INSERT INTO t (id, a, b) VALUES (1, 2, 3)'); // prettier-ignore
    expect((await relation('public.t')).columns.map(({ name }) => name)).toEqual(['id', 'a', 'b', 'g']); // prettier-ignore
    expect(await differences('public.t')).toEqual([]);
    await queryPostgres(urls[1], 'ALTER TABLE t DROP g, ADD g int DEFAULT 9');
    expect(await differences('public.t')).toEqual(['{1}']);
  });

  it('looks rows up again by keys of several columns and types', async () => {
    await onBoth(`CREATE TYPE kind AS ENUM ('a', 'b');
      CREATE TABLE t (k kind, s text, c char(4), b bytea, v int, PRIMARY KEY (k, s, c, b));
      INSERT INTO t VALUES ('a', 'x,"y"\\ {z}', 'ab', '\\x00ff', 1), ('b', '', '', '', 2), ('b', 'NULL', ' ', '\\x22', 3)`);
    const shape = await relation('public.t');
    const rows = await ends[0].rowHashes('public.t', shape, 1, 0);
    const keys = rows.map(({ key }) => key);
    expect(keys).toHaveLength(3);
    expect(await ends[1].rowsByKey('public.t', shape, [...keys, '{a,gone,x,x}'])).toEqual(rows);
  });

  it('counts equal rows of a table without a key', async () => {
    await onBoth(`CREATE TABLE bag (a int, b text); ALTER TABLE bag REPLICA IDENTITY FULL;
      INSERT INTO bag VALUES (1, 'x'), (1, 'x'), (2, NULL)`);
    expect(await differences('public.bag')).toEqual([]);
    await queryPostgres(urls[1], `INSERT INTO bag VALUES (1, 'x')`);
    const shape = await relation('public.bag');
    const [key] = await differences('public.bag');
    const [left] = await ends[0].rowsByKey('public.bag', shape, [key!]);
    const [right] = await ends[1].rowsByKey('public.bag', shape, [key!]);
    expect([left?.count, right?.count]).toEqual([2, 3]);
  });

  it('names the server but no secret where it cannot be reached', async () => {
    const url = 'postgres://me:secret@127.0.0.1:1/none';
    const end = createPostgresVerifier({ pipeline: 'test', url, log: silentLog() });
    const failed = end.relations('source');
    await expect(failed).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await expect(failed).rejects.not.toThrow(/secret/);
  });
});
