import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { ChunkCursor } from '../../services/connectors/postgres/source/snapshot/chunk-plan.ts';
import type { Chunk } from '../../shared/connector/chunk.ts';
import { dumpTables } from '../support/psql.ts';
import { countRows, createPipeline } from '../support/shop-pipeline.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { copyOfNow, SourcePipeline } from '../support/source-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();
let url: string;
let pipeline: SourcePipeline;

beforeEach(async () => {
  url = await source.createDatabase();
});

const sql = (statements: string) => queryPostgres(url, statements);

/** One after the other, none of which may wait for a lock. */
async function sqlAtOnce(...statements: string[]): Promise<void> {
  for (const each of statements)
    await queryPostgres(`${url}?options=${encodeURIComponent('-c lock_timeout=1s')}`, each);
}

async function open(tables: string): Promise<void> {
  await sql(tables);
  pipeline = new SourcePipeline(url);
  onTestFinished(() => pipeline.close());
  await pipeline.open();
}

function chunkOf(namespace: string): Chunk {
  const plan = pipeline.plan.namespaces.find((n) => n.relation.namespace === namespace)!;
  return plan.chunks[0]!;
}

/** As if the table were so large that these pages are a chunk; the rest of them is missing at the target. */
async function copyFirstPages(namespace: string, pages: number): Promise<void> {
  const chunk = chunkOf(namespace);
  const cursor = chunk.cursor as ChunkCursor;
  const noted = pipeline.known!.namespaces.find((n) => n.relation.namespace === namespace)!;
  noted.rowsDone = await pipeline.read({ ...chunk, cursor: { ...cursor, toPage: pages } });
  noted.chunksDone = 1;
  noted.chunks = [{ ...chunk, cursor: { ...cursor, fromPage: pages } }];
  noted.state = 'copying';
}

async function expectEqual(...namespaces: string[]): Promise<void> {
  await pipeline.catchUp();
  const now = await copyOfNow(url, namespaces, pipeline.format);
  for (const namespace of namespaces)
    expect(pipeline.model.rows(namespace), namespace).toEqual(now.rows(namespace));
}

const ROWS = `SELECT i, i, repeat('x', 400) FROM generate_series(1, 1000) i`;

describe('a table that is written anew between two parts of its copy', () => {
  const STATEMENTS: [string, string][] = [
    ['VACUUM FULL', 'VACUUM FULL t'],
    ['CLUSTER', 'CLUSTER t USING t_n'],
    ['ALTER … TYPE … USING', 'ALTER TABLE t ALTER n TYPE int USING n * 2'],
    ['a new default for every row', `ALTER TABLE t ADD w float DEFAULT random(); ALTER TABLE t DROP w`],
    ['TRUNCATE', `TRUNCATE t; INSERT INTO t SELECT i, 7, 'new' FROM generate_series(200, 400) i`],
  ]; // prettier-ignore

  it.each(STATEMENTS)('has all its rows after %s', async (_, statement) => {
    await open(`
      CREATE TABLE t (id int PRIMARY KEY, n int, filler text);
      CREATE INDEX t_n ON t ((-n));
      INSERT INTO t ${ROWS}`);
    await copyFirstPages('public.t', 20);
    await pipeline.stop();
    await sql('DELETE FROM t WHERE id <= 300; UPDATE t SET n = -1 WHERE id > 990');
    for (const each of statement.split(';')) await sql(each);
    await pipeline.open();
    await pipeline.resumeCopy();
    await expectEqual('public.t');
  });

  it('has all its rows where one of its partitions was, and another left it', async () => {
    await open(`
      CREATE TABLE t (id int PRIMARY KEY, n int, filler text) PARTITION BY RANGE (id);
      CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (500);
      CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (500) TO (1000);
      CREATE TABLE t_3 PARTITION OF t FOR VALUES FROM (1000) TO (2000);
      INSERT INTO t ${ROWS}`);
    await copyFirstPages('public.t', 10);
    const noted = pipeline.known!.namespaces[0]!;
    noted.chunks.push(...pipeline.plan.namespaces[0]!.chunks.slice(1));
    await pipeline.stop();
    await sql('DELETE FROM t WHERE id <= 100');
    await sql('VACUUM FULL t_1');
    await sql('ALTER TABLE t DETACH PARTITION t_2');
    await pipeline.open();
    await pipeline.resumeCopy();
    await expectEqual('public.t');
  });
});

describe('a table that is changed after the snapshot and before it is read', () => {
  const STATEMENTS = [
    'ALTER TABLE t1 ALTER n TYPE int USING n * 2',
    'ALTER TABLE t2 ALTER n TYPE bigint',
    'ALTER TABLE t3 RENAME n TO m; ALTER TABLE t3 RENAME k TO n; ALTER TABLE t3 RENAME m TO k',
    'ALTER TABLE t4 DROP n; ALTER TABLE t4 ADD n int DEFAULT 9',
    'ALTER TABLE t5 RENAME TO t5_old; CREATE TABLE t5 (id int PRIMARY KEY, n int, k int)',
    'DROP TABLE t6',
  ]; // prettier-ignore

  it('is never read under that snapshot, and the statement need not wait', async () => {
    const tables = STATEMENTS.map((_, i) => `t${i + 1}`);
    await open(
      tables
        .map((t) => `CREATE TABLE ${t} (id int PRIMARY KEY, n int, k int);
          INSERT INTO ${t} SELECT i, i, -i FROM generate_series(1, 100) i;`)
        .join(''), // prettier-ignore
    );
    for (const statement of STATEMENTS) await sqlAtOnce(...statement.split(';'));
    for (const table of tables)
      await expect(pipeline.read(chunkOf(`public.${table}`)), table).rejects.toMatchObject({
        code: 'COPY_INTERRUPTED',
        retryable: true,
      });
    expect(pipeline.model.tables.size).toBe(0);
  });

  it('is read where all of it is read at once, and it was emptied or only written closer together', async () => {
    const rows = 'SELECT i, i FROM generate_series(1, 100) i';
    await open(
      ['emptied', 'vacuumed', 'clustered']
        .map((t) => `CREATE TABLE ${t} (id int PRIMARY KEY, n int); INSERT INTO ${t} ${rows};`)
        .join(''),
    );
    // A table that is emptied again and again is never the one of the snapshot; the stream tells of it.
    await sqlAtOnce('TRUNCATE emptied', `INSERT INTO emptied ${rows}`);
    await sqlAtOnce('VACUUM FULL vacuumed');
    await sqlAtOnce('CLUSTER clustered USING clustered_pkey');
    for (const table of ['emptied', 'vacuumed', 'clustered'])
      await pipeline.read(chunkOf(`public.${table}`));
    expect(pipeline.model.rows('public.emptied')).toEqual([]);
    expect(pipeline.model.rows('public.vacuumed')).toHaveLength(100);
    expect(pipeline.model.rows('public.clustered')).toHaveLength(100);
  });

  /** The other table is never read, so that the snapshot is kept. */
  const MANY = `CREATE TABLE t (id int PRIMARY KEY, n int, filler text); INSERT INTO t ${ROWS};
    CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later VALUES (1)`;
  const partOf = (part: 0 | 1): Chunk => {
    const chunk = chunkOf('public.t');
    const pages = part === 0 ? { toPage: 20 } : { fromPage: 20 };
    return { ...chunk, cursor: { ...(chunk.cursor as ChunkCursor), ...pages } };
  };

  it('is read on in parts where it is emptied again and again, and the stream makes it right', async () => {
    await open(MANY);
    expect(await pipeline.read(partOf(0))).toBeGreaterThan(300);
    for (let i = 0; i < 3; i++) {
      await sqlAtOnce('TRUNCATE t', `INSERT INTO t SELECT i, ${i}, 'new' FROM generate_series(200, 400) i`, 'VACUUM FULL t'); // prettier-ignore
      expect(await pipeline.read(partOf(1))).toBe(0);
    }
    pipeline.follow();
    await expectEqual('public.t');
  });

  it('is not read on in parts where its rows are on other pages by now', async () => {
    await open(MANY);
    await pipeline.read(partOf(0));
    await sqlAtOnce('DELETE FROM t WHERE id < 300', 'VACUUM FULL t');
    await expect(pipeline.read(partOf(1))).rejects.toMatchObject({ code: 'COPY_INTERRUPTED' });
  });

  it('is not read as empty where nothing tells that it was emptied', async () => {
    await open(`CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9);
      INSERT INTO p VALUES (1); CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)`); // prettier-ignore
    const copyOnly = new SourcePipeline(url, { mode: 'snapshot' });
    onTestFinished(() => copyOnly.close());
    await copyOnly.open();
    await sqlAtOnce('ALTER TABLE p1 SET UNLOGGED', 'ALTER TABLE p1 SET LOGGED', 'TRUNCATE t');
    const interrupted = { code: 'COPY_INTERRUPTED', retryable: true };
    await expect(pipeline.read(chunkOf('public.p'))).rejects.toMatchObject(interrupted);
    await expect(copyOnly.copy()).rejects.toMatchObject(interrupted);
    expect(await pipeline.read(chunkOf('public.t'))).toBe(0);
  });

  it('is read on where it only got a column, a constraint or an index', async () => {
    await open(`
      CREATE TABLE t (id int PRIMARY KEY, n int, filler text);
      INSERT INTO t ${ROWS};
      CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later VALUES (1)`);
    const chunk = chunkOf('public.t');
    const cursor = chunk.cursor as ChunkCursor;
    await pipeline.read({ ...chunk, cursor: { ...cursor, toPage: 20 } });
    await sqlAtOnce(
      'ALTER TABLE t ADD w int',
      'ALTER TABLE t ADD CHECK (n > 0)',
      'REINDEX TABLE t',
      'UPDATE t SET n = n + 1',
    );
    await pipeline.read({ ...chunk, cursor: { ...cursor, fromPage: 20 } });
    await pipeline.read(chunkOf('public.later'));
    pipeline.follow();
    await pipeline.catchUp();
    expect(await countRows(url, 'SELECT count(*) FROM t')).toBe(1000);
    expect(pipeline.model.table('public.t').size).toBe(1000);
  });
});

it('loses no row of a table that is rewritten while another is being copied, and goes on by itself', async () => {
  const { file, sourceUrl, targetUrl } = await createPipeline(source, target, { readers: 1 });
  await queryPostgres(
    sourceUrl,
    `CREATE TABLE a_big (id int PRIMARY KEY, v text);
     INSERT INTO a_big SELECT g, repeat(md5(g::text), 8) FROM generate_series(1, 120000) g;
     CREATE TABLE z_small (id int PRIMARY KEY, v int); INSERT INTO z_small SELECT g, g FROM generate_series(1, 1000) g;
     CREATE TABLE z_bag (v int); INSERT INTO z_bag SELECT g FROM generate_series(1, 1000) g`,
  );
  const running = weir.start(['run', file, '--until', 'caught-up']);
  await running.waitForLine(/reader epoch began/);
  await queryPostgres(
    sourceUrl,
    `ALTER TABLE z_small ALTER v TYPE int USING v * 2; ALTER TABLE z_bag ALTER v TYPE int USING v * 2;
     INSERT INTO z_small VALUES (5001, 5001)`,
  );
  const { code, stderr, stdout } = await running.exited;

  expect(code, stderr).toBe(0);
  expect(stdout + stderr).toMatch(/COPY_INTERRUPTED/);
  const tables = ['a_big', 'z_small', 'z_bag'];
  expect(await dumpTables(targetUrl, tables)).toEqual(await dumpTables(sourceUrl, tables));
  expect(await countRows(targetUrl, 'SELECT count(*) FROM z_small')).toBe(1001);
});
