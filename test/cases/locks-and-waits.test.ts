import pg from 'pg';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { checkRules } from '../../services/connectors/postgres/sink/check/acts-on-rows.ts';
import type { ChunkCursor } from '../../services/connectors/postgres/source/snapshot/chunk-plan.ts';
import { readOutsideKeys } from '../../services/connectors/postgres/sink/check/outside-keys.ts';
import { listAllTables } from '../../services/connectors/postgres/catalog/table-list.ts';
import { countUncounted } from '../../services/connectors/postgres/sink/ordered/uncounted-tables.ts';
import type { SourceScope } from '../../shared/connector/source.ts';
import type { Chunk } from '../../shared/connector/chunk.ts';
import { SinkPipeline } from '../support/sink-pipeline.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { SourcePipeline } from '../support/source-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres({ settings: { max_prepared_transactions: '5' } });
const target = useTargetPostgres();
const weir = useWeir();
let url: string;

beforeEach(async () => {
  url = await source.createDatabase();
});

function pipelineOn(scope: Partial<SourceScope> = {}): SourcePipeline {
  const pipeline = new SourcePipeline(url, scope);
  onTestFinished(() => pipeline.close());
  return pipeline;
}

/** A session of somebody else, ended with the test. */
async function session(at = url, application = 'somebody'): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: at, application_name: application });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

async function pidOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]!.pid;
}

function chunkOf({ plan }: SourcePipeline, namespace: string, i = 0): Chunk {
  return plan.namespaces.find((n) => n.relation.namespace === namespace)!.chunks[i]!;
}

const untilSaid = (pipeline: SourcePipeline, what: RegExp): Promise<true> =>
  waitFor(`it says ${what.source}`, () => what.test(pipeline.source.problem?.() ?? '') || false);

describe('a start', () => {
  beforeEach(async () => {
    await queryPostgres(
      url,
      'CREATE TABLE items (id int PRIMARY KEY); CREATE TABLE other (id int)',
    );
  });

  it('that waits for a prepared transaction names it and what to do', async () => {
    await queryPostgres(
      url,
      `BEGIN; INSERT INTO items VALUES (77); PREPARE TRANSACTION 'it''s forgotten'`,
    );
    const pipeline = pipelineOn();
    const opening = pipeline.open();
    await untilSaid(pipeline, /replication slot waits.*'it''s forgotten'.*ROLLBACK PREPARED/);
    await queryPostgres(url, `COMMIT PREPARED 'it''s forgotten'`);
    await opening;
    await waitFor('it no longer says so', () => pipeline.source.problem?.() === null);
    await pipeline.copy();
    expect(pipeline.model.table('public.items').size).toBe(1);
  });

  it('that waits for an open transaction names its process, application and age', async () => {
    const other = await session();
    await other.query('BEGIN; INSERT INTO other VALUES (1)');
    const pipeline = pipelineOn();
    const opening = pipeline.open();
    await untilSaid(
      pipeline,
      new RegExp(
        `process ${await pidOf(other)} \\(somebody, .*idle in transaction\\).* for \\d+ s;`,
      ),
    );
    await other.query('COMMIT');
    await opening;
  });

  it('that waits for a lock on a table names the table and who has it, and keeps nobody from the others', async () => {
    const other = await session();
    await other.query('BEGIN; LOCK TABLE other IN SHARE UPDATE EXCLUSIVE MODE');
    const pipeline = pipelineOn();
    const opening = pipeline.open();
    await untilSaid(pipeline, new RegExp(`lock on public.other .*process ${await pidOf(other)} `));
    // Made together or not at all, so nothing is held while it is waited for again.
    await queryPostgres(
      `${url}?options=${encodeURIComponent('-c lock_timeout=5s')}`,
      'ALTER TABLE items ADD v int',
    );
    await other.query('COMMIT');
    await opening;
  });

  it('that waits says so to whoever asks for its status', async () => {
    const { file, name, sourceUrl } = await createPipeline(source, target);
    await queryPostgres(sourceUrl, 'CREATE TABLE t (id int PRIMARY KEY)');
    await queryPostgres(
      sourceUrl,
      `BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'forgotten'`,
    );
    const running = weir.start(['run', file]);
    await running.waitForLine(/prepared transaction 'forgotten'/);
    const said = await waitFor('the status says it', async () => {
      const { stdout } = await weir.run(['status', name]);
      return stdout.includes("prepared transaction 'forgotten'") ? stdout : undefined;
    });
    expect(said).toContain("ROLLBACK PREPARED 'forgotten'");
    await queryPostgres(sourceUrl, `ROLLBACK PREPARED 'forgotten'`);
    await running.waitForLine(/streaming|following/);
    await running.stop();
  });

  it('that waits at the target names the table and who has it', async () => {
    const targetUrl = await target.createDatabase();
    await queryPostgres(url, 'ALTER TABLE items ADD v text');
    await queryPostgres(targetUrl, 'CREATE TABLE items (id int PRIMARY KEY, v text)');
    const pipeline = await SinkPipeline.create(url, targetUrl);
    onTestFinished(() => pipeline.close());
    const other = await session(targetUrl);
    await other.query('BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE');
    const starting = pipeline.start();
    const expected = new RegExp(`lock on (public.)?items .*process ${await pidOf(other)} `);
    await waitFor('it is said', () => expected.test(pipeline.sink.problem?.() ?? ''));
    await other.query('COMMIT');
    await starting;
  });
});

it('what is asked about partitions waits for no lock on them', async () => {
  await queryPostgres(
    url,
    `CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9);
     CREATE RULE gone AS ON DELETE TO t1 DO INSTEAD NOTHING; ALTER TABLE t1 ENABLE ALWAYS RULE gone;
     CREATE TABLE other (id int REFERENCES t)`,
  );
  const altering = await session();
  await altering.query('BEGIN; LOCK TABLE t1 IN ACCESS EXCLUSIVE MODE');
  const client = await session(`${url}?options=${encodeURIComponent('-c lock_timeout=500')}`);
  const { rows } = await client.query<{ oid: number }>(`SELECT 't'::regclass::oid AS oid`);
  const existing = [{ table: { oid: rows[0]!.oid } }] as unknown as Parameters<
    typeof checkRules
  >[1];
  expect(await checkRules(client, existing, true)).toMatchObject([{ subject: 't1' }]);
  expect(await readOutsideKeys(client, ['t'])).toMatchObject([{ table: 'other' }]);
  await countUncounted(client, ['t']);
  expect(await listAllTables(client)).toHaveLength(3);
});

describe('a statement that changes a table while it is copied', () => {
  const ROWS = `SELECT i, repeat('x', 400) FROM generate_series(1, 1000) i`;
  const TABLES = `CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text);
    INSERT INTO a ${ROWS}; INSERT INTO b ${ROWS}`;
  /** Two readers at once, each with a part of both tables, one of them for as long as `whileRead` takes. */
  const partOf = (pipeline: SourcePipeline, namespace: string, part: 0 | 1): Chunk => {
    const chunk = chunkOf(pipeline, namespace);
    const cursor = chunk.cursor as ChunkCursor;
    const pages = part === 0 ? { toPage: 20 } : { fromPage: 20 };
    return { ...chunk, cursor: { ...cursor, ...pages } };
  };

  it('waits for no more than a chunk, unless it is asked to', async () => {
    await queryPostgres(url, TABLES);
    const pipeline = pipelineOn();
    await pipeline.open();
    const halfway = new AbortController();
    const stuck = pipeline.session!.listData(
      partOf(pipeline, 'public.a', 0),
      () => new Promise(() => undefined),
      halfway.signal,
    );
    const failed = expect(stuck).rejects.toMatchObject({
      code: 'COPY_INTERRUPTED',
      retryable: true,
    });
    await pipeline.read(partOf(pipeline, 'public.b', 0));
    await queryPostgres(
      `${url}?options=${encodeURIComponent('-c lock_timeout=1s')}`,
      'ALTER TABLE b ADD w int',
    );
    // Of the table that is being read, and whose reader gets rid of nothing.
    const altering = queryPostgres(url, 'ALTER TABLE a ADD w int');
    await failed;
    await altering;
  });

  it('waits until everything is copied where that is wanted, is told of, and does not keep the copy from its end', async () => {
    // The last of them is never read, so the copy does not end by itself.
    await queryPostgres(
      url,
      `${TABLES}; CREATE TABLE c (id int PRIMARY KEY); INSERT INTO c VALUES (1)`,
    );
    const pipeline = pipelineOn({ onWaitingDdl: 'wait' });
    await pipeline.open();
    await pipeline.read(partOf(pipeline, 'public.a', 0));
    const other = await session();
    const pid = await pidOf(other);
    let altered = false;
    const altering = other
      .query('ALTER TABLE b ALTER v TYPE text USING upper(v)')
      .then(() => (altered = true));
    await untilSaid(
      pipeline,
      new RegExp(
        `process ${pid} \\(somebody\\) has waited for \\d+ s for a lock on public.b .*this pipeline holds`,
      ),
    );
    // Readers that have not been at the table before get no lock behind that statement.
    const parts = (['public.a', 'public.b'] as const).flatMap((name) =>
      [1, 0].map((part) => partOf(pipeline, name, part as 0 | 1)),
    );
    await Promise.all(parts.slice(0, 3).map((part) => pipeline.read(part)));
    expect(altered).toBe(false);
    await pipeline.stop();
    await altering;
    expect(pipeline.model.rows('public.b').length).toBeGreaterThan(300);
  });

  it('is waited for in turn where it came first', async () => {
    await queryPostgres(url, TABLES);
    const pipeline = pipelineOn({ onWaitingDdl: 'wait' });
    const other = await session();
    await other.query('BEGIN; REINDEX INDEX b_pkey');
    const opening = pipeline.open();
    await untilSaid(pipeline, /lock on public.b/);
    await other.query('ROLLBACK');
    await opening;
    await pipeline.copy();
    expect(pipeline.model.rows('public.b').length).toBe(1000);
  });
});
