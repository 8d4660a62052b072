import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { ChunkCursor } from '../../services/connectors/postgres/source/snapshot/chunk-plan.ts';
import { connect, disconnect } from '../../services/connectors/postgres/connection/connection.ts';
import { createPostgresSource } from '../../services/connectors/postgres/source/source.ts';
import { FIRST_POSITION } from '../../shared/change/position.ts';
import { majorVersion, queryPostgres, usePostgres } from '../support/servers.ts';
import { silentLog } from '../support/sink-pipeline.ts';
import { copyOfNow, SourcePipeline } from '../support/source-pipeline.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const postgres = usePostgres();
let url: string;
let pipeline: SourcePipeline;

const sql = (text: string): Promise<Record<string, unknown>[]> => queryPostgres(url, text);

beforeEach(async () => {
  url = await postgres.createDatabase();
});

afterEach(async () => {
  await pipeline.close();
});

async function start(schema: string, namespaces?: string[]): Promise<void> {
  await sql(schema);
  pipeline = new SourcePipeline(url, { namespaces });
  await pipeline.open();
  await pipeline.copy();
  pipeline.follow();
}

/** The model holds what the source holds. */
async function expectEqual(...namespaces: string[]): Promise<void> {
  await pipeline.catchUp();
  const now = await copyOfNow(url, namespaces, pipeline.format);
  for (const namespace of namespaces)
    expect(pipeline.model.rows(namespace), namespace).toEqual(now.rows(namespace));
}

describe('following changes', () => {
  it('gives every insert, update and delete, and the old key where it changed', async () => {
    await start(
      `CREATE TABLE t (id int PRIMARY KEY, v text);
       INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 50) i`,
    );
    await sql(
      `INSERT INTO t VALUES (100, NULL), (101, 'é€😀');
       UPDATE t SET v = 'w' WHERE id < 10;
       DELETE FROM t WHERE id BETWEEN 10 AND 20;
       UPDATE t SET id = id + 1000 WHERE id = 1`,
    );
    await expectEqual('public.t');
    expect(pipeline.model.kinds('public.t')).toEqual([
      ...Array<string>(2).fill('insert'),
      ...Array<string>(9).fill('update'),
      ...Array<string>(11).fill('delete'),
      'delete',
      'insert',
    ]);
    const positions = pipeline.model.received.map((change) => change.position);
    expect(positions).toEqual([...new Set(positions)].sort());
  });

  it('leaves an unchanged TOAST value unchanged, also where the key moves', async () => {
    await start(
      `CREATE TABLE t (id int PRIMARY KEY, n int, big text);
       ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
       INSERT INTO t SELECT i, i, repeat('x', 9000) || i FROM generate_series(1, 4) i`,
    );
    await sql(
      `UPDATE t SET n = 0 WHERE id = 1; UPDATE t SET id = 20 WHERE id = 2; UPDATE t SET id = 30, big = 'b' WHERE id = 3`,
    );
    await expectEqual('public.t');
    expect(pipeline.model.kinds('public.t')).toEqual(['update', 'move', 'delete', 'insert']);
    expect(pipeline.model.lost).toBe(0);
  });

  it('takes unchanged values from the old row with REPLICA IDENTITY FULL', async () => {
    await start(
      `CREATE TABLE keyed (id int PRIMARY KEY, n int, big text);
       CREATE TABLE bare (n int, big text);
       ALTER TABLE keyed ALTER big SET STORAGE EXTERNAL, REPLICA IDENTITY FULL;
       ALTER TABLE bare ALTER big SET STORAGE EXTERNAL, REPLICA IDENTITY FULL;
       INSERT INTO keyed SELECT i, i, repeat('x', 9000) FROM generate_series(1, 3) i;
       INSERT INTO bare SELECT 1, repeat('x', 9000) FROM generate_series(1, 3) i`,
    );
    await sql(
      `UPDATE keyed SET n = 7 WHERE id = 1; UPDATE keyed SET id = 9 WHERE id = 2; DELETE FROM keyed WHERE id = 3;
       UPDATE bare SET n = 2 WHERE ctid = '(0,1)'; DELETE FROM bare WHERE ctid = '(0,2)'; INSERT INTO bare VALUES (5, NULL)`,
    );
    await expectEqual('public.keyed', 'public.bare');
    expect(pipeline.model.kinds('public.keyed')).toEqual(['update', 'delete', 'insert', 'delete']);
    expect(pipeline.model.kinds('public.bare')).toEqual(['delete', 'insert', 'delete', 'insert']);
  });

  it('follows a partitioned table through its root, across partitions and truncated', async () => {
    await start(
      `CREATE TABLE p (id int, at date, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
       CREATE TABLE p1 (v text, at date NOT NULL, id int NOT NULL);
       ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
       CREATE TABLE p2 PARTITION OF p DEFAULT;
       INSERT INTO p SELECT i, '2020-06-01', 'v' FROM generate_series(1, 10) i`,
    );
    expect(pipeline.plan.namespaces.map((n) => n.relation.namespace)).toEqual(['public.p']);
    await sql(`UPDATE p SET at = '2025-01-01' WHERE id = 3; DELETE FROM p WHERE id = 4;
       CREATE TABLE p3 PARTITION OF p FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');
       INSERT INTO p VALUES (50, '2030-05-05', 'new')`);
    await expectEqual('public.p');
    await sql('TRUNCATE p');
    await expectEqual('public.p');
    expect(pipeline.model.rows('public.p')).toEqual([]);
    expect(pipeline.model.kinds('public.p').at(-1)).toBe('truncate');
  });

  it('follows inserts of a table without identity and lets the application update it', async () => {
    await start('CREATE TABLE log (line text); INSERT INTO log VALUES (1)');
    expect(pipeline.plan.namespaces[0]!.relation.identity).toBe('none');
    await sql("INSERT INTO log VALUES ('2'); UPDATE log SET line = '3'; DELETE FROM log");
    await pipeline.catchUp();
    expect(pipeline.model.kinds('public.log')).toEqual(['insert']);
    const { findings } = await pipeline.source.check({
      mode: 'snapshot+changes',
      namespaces: undefined,
      lanes: 4,
    });
    expect(findings).toContainEqual(
      expect.objectContaining({ level: 'warning', subject: 'public.log' }),
    );
  });

  it('tells of an added column once, before the first row that has it', async () => {
    await start('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
    await sql(`INSERT INTO t VALUES (2); ALTER TABLE t ADD COLUMN v text DEFAULT 'd';
       INSERT INTO t VALUES (3, 'x'); INSERT INTO t VALUES (4, 'y')`);
    await pipeline.catchUp();
    expect(pipeline.model.kinds('public.t')).toEqual(['insert', 'relation', 'insert', 'insert']);
    const [after] = pipeline.model.relations;
    expect(after!.relation.columns.map((column) => column.name)).toEqual(['id', 'v']);
    expect(after!.definition).toMatchObject({ columns: [{ name: 'id' }, { missing: 'd' }] });

    // Read again from before, with the new shape at the target: no way back to the old one.
    pipeline.progress = pipeline.plan.start;
    await pipeline.stop();
    Object.assign(pipeline.known!.namespaces[0]!, after);
    pipeline.model.received.length = 0;
    pipeline.model.reached = FIRST_POSITION;
    await pipeline.open();
    pipeline.follow();
    await pipeline.catchUp();
    expect(pipeline.model.kinds('public.t')).toEqual(['insert', 'insert', 'insert']);
  });

  it('goes on in text when a column comes whose binary form holds an OID', async () => {
    await start('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
    await sql(`CREATE TYPE pair AS (a int, b int); BEGIN; INSERT INTO t VALUES (2); INSERT INTO t VALUES (3);
       ALTER TABLE t ADD COLUMN v pair; INSERT INTO t VALUES (4, '(1,2)'); COMMIT; INSERT INTO t VALUES (5, NULL)`);
    await pipeline.catchUp();
    expect(pipeline.model.kinds('public.t')).toEqual([
      'insert',
      'insert',
      'relation',
      'insert',
      'insert',
    ]);
    expect(pipeline.model.relations[0]!.relation.columns.map((c) => c.encoding)).toEqual([
      'text',
      'text',
    ]);
  });

  it('reaches the head of an idle database within a second', async () => {
    await start('CREATE TABLE t (id int PRIMARY KEY)');
    await pipeline.catchUp();
    const before = Date.now();
    await pipeline.catchUp();
    expect(Date.now() - before).toBeLessThan(1_000);
  });

  it('waits for its receiver, and lets the server forget only what was released', async () => {
    await start('CREATE TABLE t (id int PRIMARY KEY, v text)');
    await pipeline.catchUp();
    let open = (): void => undefined;
    pipeline.model.hold = new Promise((resolve) => (open = resolve));
    await sql("INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 30000) i");
    await waitFor('the first changes', () => pipeline.model.received.length > 0);
    const slot = `SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE database = current_database()`;
    const [before] = await sql(slot);
    expect(pipeline.model.received.length).toBeLessThan(3_000);
    pipeline.model.hold = undefined;
    open();
    await pipeline.catchUp();
    expect(pipeline.model.received).toHaveLength(30_000);
    expect((await sql(slot))[0]).toEqual(before);
    pipeline.session!.release(pipeline.progress!);
    await waitFor('the slot to move', async () => (await sql(slot))[0]!['lsn'] !== before!['lsn']);
  });
});

describe('starting again', () => {
  it('gives what was committed while it was away, once, in order', async () => {
    await start('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
    await sql('INSERT INTO t VALUES (2)');
    await pipeline.catchUp();
    await pipeline.stop();
    await sql(
      'INSERT INTO t VALUES (3); CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later VALUES (1)',
    );
    await pipeline.open();
    expect(pipeline.plan.namespaces.map((n) => [n.relation.namespace, n.state])).toEqual([
      ['public.t', 'ready'],
      ['public.later', 'new'],
    ]);
    await pipeline.copy();
    pipeline.follow();
    await sql('INSERT INTO later VALUES (2)');
    await expectEqual('public.t', 'public.later');
    expect(pipeline.model.kinds('public.t')).toEqual(['insert', 'insert']);
    expect(pipeline.model.kinds('public.later')).toEqual(['insert']);
  });

  it('finishes an interrupted copy, with rows that moved between its ranges meanwhile', async () => {
    await sql(
      `CREATE TABLE t (id int PRIMARY KEY, n int, big text);
       ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
       INSERT INTO t SELECT i, i, repeat('x', 8000) || i FROM generate_series(1, 6000) i;
       CREATE TABLE bag (n int, big text); ALTER TABLE bag ALTER big SET STORAGE EXTERNAL, REPLICA IDENTITY FULL;
       INSERT INTO bag SELECT i % 7, repeat('y', 8000) FROM generate_series(1, 6000) i;
       DELETE FROM t WHERE id <= 500`,
    );
    await sql('VACUUM t');
    pipeline = new SourcePipeline(url);
    await pipeline.open();
    const chunks = pipeline.plan.namespaces.find(
      (n) => n.relation.namespace === 'public.t',
    )!.chunks;
    expect(chunks.length).toBeGreaterThan(2);
    await pipeline.copy(1);
    await pipeline.stop();
    await sql(
      `UPDATE t SET n = -1 WHERE id > 5700; DELETE FROM t WHERE id BETWEEN 3000 AND 3100; DELETE FROM bag WHERE n = 3;
       DELETE FROM t WHERE id = 5600; UPDATE t SET id = 5600 WHERE id = 5601`,
    );
    const { toPage } = chunks[0]!.cursor as ChunkCursor;
    const [moved] = await sql(
      `SELECT count(*)::int AS rows FROM t WHERE n = -1 AND ctid < '(${toPage},0)'`,
    );
    expect(moved!['rows']).toBeGreaterThan(50);

    const plan = await pipeline.open();
    const states = plan.namespaces.map((n) => [n.relation.namespace, n.state, n.chunks[0]?.how]);
    expect(states).toEqual([
      ['public.bag', 'restart', 'load'],
      ['public.t', 'copying', 'merge'],
    ]);
    const ids = plan.namespaces.flatMap((n) => n.chunks.map((c) => c.id));
    expect(new Set(ids).size).toBe(ids.length);
    await pipeline.resumeCopy();
    await expectEqual('public.t', 'public.bag');
  });

  it('refuses a second run, a lost slot and another server', async () => {
    await start('CREATE TABLE t (id int PRIMARY KEY)');
    const other = createPostgresSource({ pipeline: pipeline.name, url, log: silentLog() });
    const second = other.open(
      { mode: 'snapshot+changes', namespaces: undefined, lanes: 4 },
      null,
      new AbortController().signal,
    );
    await expect(second).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
    await other.close();
    await pipeline.stop();
    const known = pipeline.known!;
    pipeline.known = { ...known, identity: known.identity.replace('/1/', '/2/') };
    await expect(pipeline.open()).rejects.toThrow(/timeline 2 became 1/);
    pipeline.known = known;
    await sql(
      'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()',
    );
    await expect(pipeline.open()).rejects.toMatchObject({ code: 'POSITION_LOST' });
  });

  it('lets another process in where the one that runs the pipeline is not heard of any more', async () => {
    const proxy = await TcpProxy.listen(postgres.server.port);
    onTestFinished(() => proxy.close());
    await sql('CREATE TABLE t (id int PRIMARY KEY)');
    pipeline = new SourcePipeline(proxy.urlFor(url));
    await pipeline.open();
    proxy.hold();
    const other = createPostgresSource({ pipeline: pipeline.name, url, log: silentLog() });
    onTestFinished(() => other.close());
    const session = await other.open(
      { mode: 'snapshot+changes', namespaces: undefined, lanes: 4 },
      null,
      new AbortController().signal,
    );
    await session.close();
    proxy.cut();
    proxy.release();
  });

  it('has standbys keep a slot that was made without that, from PostgreSQL 17 on', async ({
    skip,
  }) => {
    skip((await majorVersion(url)) < 17, 'slots of earlier versions know no failover');
    await start('CREATE TABLE t (id int PRIMARY KEY)');
    await pipeline.catchUp();
    await pipeline.stop();
    const ours = 'FROM pg_replication_slots WHERE database = current_database()';
    const [slot] = await sql(`SELECT slot_name::text AS name ${ours}`);
    const replication = await connect(url, { applicationName: 'test', replication: true });
    await replication.query(`ALTER_REPLICATION_SLOT ${String(slot!['name'])} (FAILOVER false)`);
    await disconnect(replication);
    expect(await sql(`SELECT failover ${ours}`)).toEqual([{ failover: false }]);
    await pipeline.open();
    expect(await sql(`SELECT failover ${ours}`)).toEqual([{ failover: true }]);
  });

  it('refuses a table that was replaced by another of its name, whose changes nobody followed', async () => {
    await start('CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)');
    await pipeline.catchUp();
    await pipeline.stop();
    await sql(
      'CREATE TABLE t_new (id int PRIMARY KEY); INSERT INTO t_new VALUES (1); DROP TABLE t; ALTER TABLE t_new RENAME TO t',
    );
    await expect(pipeline.open()).rejects.toMatchObject({ code: 'SCHEMA_CHANGED' });
    await expect(pipeline.open()).rejects.toThrow(
      /public\.t was dropped .* another table put in its place/,
    );
    await sql('DROP TABLE t');
    await expect(pipeline.open()).rejects.toThrow(/public\.t was dropped/);
    pipeline.known!.namespaces = pipeline.known!.namespaces.filter(
      ({ relation }) => relation.namespace !== 'public.t',
    );
    expect((await pipeline.open()).namespaces.map((n) => n.relation.namespace)).toEqual([
      'public.u',
    ]);
  });

  it('ends with a retryable error when the server cuts the connection', async () => {
    await start('CREATE TABLE t (id int PRIMARY KEY)');
    await pipeline.catchUp();
    await sql(
      'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database()',
    );
    await waitFor('the failure', () => pipeline.failure !== undefined);
    expect(pipeline.failure).toMatchObject({ code: 'UNREACHABLE', retryable: true });
  });

  it('leaves nothing behind after a reset', async () => {
    await start('CREATE TABLE t (id int PRIMARY KEY)');
    await pipeline.stop();
    await pipeline.source.reset();
    await pipeline.source.reset();
    await waitFor('the last connection to end', async () => {
      const left = await sql(
        `SELECT slot_name::text AS name FROM pg_replication_slots WHERE database = current_database()
       UNION ALL SELECT pubname FROM pg_publication
       UNION ALL SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'weir%' AND datname = current_database()`,
      );
      return left.length === 0;
    });
  });
});
