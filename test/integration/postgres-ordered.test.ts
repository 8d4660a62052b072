import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toPosition } from '../../shared/change/position.ts';
import { keyOf, toTuple } from '../../shared/change/tuple.ts';
import type { ChangeRun, LaneProgress, OrderedWriter } from '../../shared/connector/sink.ts';
import type { Barrier } from '../../shared/change/barrier.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';
import { connect } from '../../services/connectors/postgres/connection/connection.ts';
import { SinkPipeline } from '../support/sink-pipeline.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';

type Row = (string | null | undefined)[];

const postgres = usePostgres();
let [source, target] = ['', ''];
let pipeline: SinkPipeline | undefined;
let writer: OrderedWriter;
let progress: LaneProgress;

beforeEach(async () => {
  [source, target] = [await postgres.createDatabase(), await postgres.createDatabase()];
});
afterEach(async () => {
  await writer?.close();
  await pipeline?.close();
});

async function start(sql: string, atTarget = '', settled = 0): Promise<SinkPipeline> {
  await queryPostgres(source, sql);
  if (atTarget !== '') await queryPostgres(target, atTarget);
  pipeline = await SinkPipeline.create(source, target, { order: 'transaction' });
  for (const each of pipeline.plan.namespaces) each.settled = toPosition(BigInt(settled), 0n);
  await pipeline.start();
  await pipeline.sink.finishNamespaces();
  progress = await pipeline.sink.openLane(0);
  writer = pipeline.sink.createOrderedWriter!();
  return pipeline;
}

/** Changes in their order: the row as it is then; a delete and a move name the row before, too. */
function run(kind: ChangeKind, name: string, rows: Row[], keys: Row[] = rows): ChangeRun {
  const relation = pipeline!.relation(`public.${name}`);
  const changes = rows.map((row, i) => ({
    key: relation.identity === 'key' ? keyOf(toTuple(keys[i]!), relation.key) : toTuple(row),
    row: kind === 'delete' ? Buffer.alloc(0) : toTuple(row),
    partial: row.includes(undefined),
  }));
  return { relation, kind, changes };
}

async function write(runs: ChangeRun[], commit = true, barrier: Barrier | null = null) {
  const sequence = progress.sequence + 1;
  const position = toPosition(BigInt(sequence) * 100n, 0n);
  const { readerEpoch } = pipeline!;
  const after = { ...progress, readerEpoch, sequence, position };
  await writer.write({ before: progress, after, runs, barrier, counts: new Map(), commit });
  progress = after;
}

function rowsAt(sql: string): Promise<unknown[]> {
  return queryPostgres(target, sql).then((rows) => rows.map((row) => Object.values(row)));
}

const many = Array.from({ length: 100 }, (_, i) => i + 1);
const FAMILY = `
CREATE TABLE parent (id int PRIMARY KEY, v text);
CREATE TABLE child (id int PRIMARY KEY, parent int NOT NULL REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE, v text);
`;

describe('whole transactions at the target', () => {
  it('are seen when they are committed, and never a part of one', async () => {
    await start('CREATE TABLE t (id int PRIMARY KEY, v text)');
    await write([run('insert', 't', [['1', 'a']])]);
    await write([run('insert', 't', many.map((i) => [`${i + 1}`, 'b']))], false); // prettier-ignore
    await write([run('update', 't', many.map((i) => [`${i + 1}`, 'c']))], false); // prettier-ignore
    await write([], false, { kind: 'truncate', relations: [pipeline!.relation('public.t')], cascade: false, restartIdentity: false }); // prettier-ignore
    await write([run('insert', 't', [['7', 'd']])], false);
    // Others wait for a table that is being emptied; what they see then is from before.
    const client = await connect(target, { applicationName: 'test' });
    await client.query('SET lock_timeout = 100');
    await expect(client.query('SELECT * FROM public.t')).rejects.toThrow(/lock timeout/);
    await client.end();
    await write([]);
    expect(await rowsAt('SELECT * FROM t')).toEqual([[7, 'd']]);
  });

  it('give a row the new value of a column that takes none in an UPDATE, and act on nothing that refers to it', async () => {
    await start(
      `CREATE TABLE g (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, b text);
       CREATE TABLE n (id int PRIMARY KEY, nth int GENERATED ALWAYS AS IDENTITY, b text);
       CREATE TABLE child (id int PRIMARY KEY, g int NOT NULL REFERENCES g ON DELETE CASCADE ON UPDATE CASCADE, v text)`,
    );
    await write([
      run('insert', 'g', [['1', '1', 'a'], ['2', '2', 'b']]),
      run('insert', 'n', [['1', '1', 'a']]),
      run('insert', 'child', [['1', '1', 'a'], ['2', '2', 'b']]),
    ]); // prettier-ignore
    await write([
      run('move', 'g', [['6', '2', undefined]], [['2', null, null]]),
      // What it does not bring it has only where its row was not taken away.
      run('update', 'child', [['2', '6', undefined]]),
      run('update', 'n', [['1', '7', undefined]]),
    ]);
    expect(await rowsAt('SELECT * FROM g ORDER BY id')).toEqual([[1, 1, 'a'], [6, 2, 'b']]); // prettier-ignore
    expect(await rowsAt('SELECT * FROM child ORDER BY id')).toEqual([[1, 1, 'a'], [2, 6, 'b']]); // prettier-ignore
    expect(await rowsAt('SELECT * FROM n')).toEqual([[1, 7, 'a']]);
    // Where a row is missing, they are written one by one.
    await write([run('update', 'n', [['1', '8', 'c'], ['2', '9', 'd']])]); // prettier-ignore
    expect(await rowsAt('SELECT * FROM n ORDER BY id')).toEqual([[1, 8, 'c'], [2, 9, 'd']]); // prettier-ignore
  });

  it('leave nothing behind when their writer goes in the middle, and the next one begins where it was', async () => {
    await start('CREATE TABLE t (id int PRIMARY KEY, v text)');
    await write([run('insert', 't', [['1', 'a']])]);
    const committed = progress;
    await write([run('insert', 't', many.map((i) => [`${i + 1}`, 'b']))], false); // prettier-ignore
    // As a process that stands still: its connection is held, and its transaction open.
    const abandoned = writer;
    const taken = await pipeline!.sink.openLane(0);
    expect(taken.position).toBe(committed.position);
    expect(await rowsAt('SELECT * FROM t')).toEqual([[1, 'a']]);
    const fenced = { before: progress, after: progress, runs: [], barrier: null };
    await expect(abandoned.write({ ...fenced, counts: new Map(), commit: true })).rejects.toThrow();
    writer = pipeline!.sink.createOrderedWriter!();
    progress = taken;
    await write([run('delete', 't', [['1', 'a']])]);
    expect(await rowsAt('SELECT * FROM t')).toEqual([]);
  });

  it('let a reader begin while one of them waits for what the reader before will not send', async () => {
    await start('CREATE TABLE t (id int PRIMARY KEY, v text)');
    await write([run('insert', 't', [['1', 'a']])], false);
    expect(await pipeline!.sink.beginReader()).toBe(pipeline!.readerEpoch + 1);
    expect(await rowsAt('SELECT * FROM t')).toEqual([]);
  });

  it('look rows up by their keys where the server takes a large table for empty', async () => {
    await start('CREATE TABLE t (id int PRIMARY KEY, v text)');
    // Counted while all its rows are of an open transaction.
    const client = await connect(target, { applicationName: 'test' });
    await client.query('ALTER TABLE public.t SET (autovacuum_enabled = off)');
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO public.t SELECT i, repeat('x', 900) FROM generate_series(1, 5000) i`,
    );
    await queryPostgres(target, 'VACUUM ANALYZE t');
    await client.query('COMMIT');
    await client.end();
    const counted = `SELECT reltuples::int FROM pg_class WHERE oid = 't'::regclass`;
    expect(await rowsAt(counted)).toEqual([[0]]);
    await write([run('update', 't', many.map((i) => [`${i}`, 'b']))]); // prettier-ignore
    expect(await rowsAt(counted)).toEqual([[5_000]]);
    expect(await rowsAt(`SELECT count(*)::int FROM t WHERE v = 'b'`)).toEqual([[100]]);
  });

  it('hand unique values on, within a statement and between them', async () => {
    await start(`CREATE TABLE t (id int PRIMARY KEY, u text UNIQUE, d int UNIQUE DEFERRABLE)`);
    const row = (id: number, u: number, d: number): Row => [`${id}`, `u${u}`, `${d}`];
    await write([run('insert', 't', many.map((i) => row(i, i, i)))]); // prettier-ignore
    // From the last row on, as the source did it one after the other; d is checked at the end there.
    const shifted = [...many].reverse().map((i) => row(i, i + 1, (i % 100) + 1));
    await write([run('update', 't', shifted)]);
    await write([
      run('update', 't', [row(1, 999, 2)]),
      run('update', 't', [row(2, 2, 3)]),
      run('update', 't', [row(1, 3, 2)]),
      run('delete', 't', [row(50, 0, 0)]),
      run('insert', 't', [row(1000, 51, 51)]),
    ]);
    expect(await rowsAt('SELECT * FROM t WHERE id IN (1, 2, 50, 1000) ORDER BY id')).toEqual([
      [1, 'u3', 2],
      [2, 'u2', 3],
      [1000, 'u51', 51],
    ]);
  });

  it('keep foreign keys: rows of a statement in any order, cascades, a key that changes', async () => {
    await start(`${FAMILY} CREATE TABLE node (id int PRIMARY KEY, up int REFERENCES node)`);
    // Children before their parents, and rows that point forward.
    await write([
      run('insert', 'child', many.map((i) => [`${i}`, `${i}`, 'c'])), // prettier-ignore
      run('insert', 'parent', many.map((i) => [`${i}`, 'p'])), // prettier-ignore
      run('insert', 'node', [['1', '2'], ['2', null]]), // prettier-ignore
    ]);
    await write([
      run('delete', 'parent', [['1', 'p']]),
      run('delete', 'child', [['1', '1', 'c']]),
      run('move', 'parent', [['202', undefined]], [['2', 'p']]),
      run('update', 'child', [['2', '202', undefined]]),
      run('move', 'child', [['303', '3', 'moved']], [['3', '3', 'c']]),
      run('delete', 'node', [['2', null], ['1', '2']]), // prettier-ignore
    ]);
    expect(await rowsAt('SELECT * FROM child WHERE id < 3 OR id > 100 ORDER BY id')).toEqual([
      [2, 202, 'c'],
      [303, 3, 'moved'],
    ]);
    expect(await rowsAt('SELECT count(*)::int FROM parent UNION ALL SELECT count(*)::int FROM node')).toEqual([[99], [0]]); // prettier-ignore
    await expect(queryPostgres(target, `INSERT INTO child VALUES (9999, -1, '')`)).rejects.toThrow(
      /foreign key/,
    );
  });

  it('put in a row that something else has removed', async () => {
    await start('CREATE TABLE t (id int PRIMARY KEY, v text)');
    await write([run('insert', 't', many.map((i) => [`${i}`, 'a']))]); // prettier-ignore
    await queryPostgres(target, 'DELETE FROM t WHERE id IN (5, 50)');
    await write([run('update', 't', [['5', 'b']])]);
    await write([run('update', 't', many.map((i) => [`${i}`, 'c']))]); // prettier-ignore
    expect(await rowsAt('SELECT count(*)::int, min(v) FROM t')).toEqual([[100, 'c']]);
  });

  it.each(['text', 'binary'] as const)(
    'stop at a row that the target refuses, naming its key (%s values)',
    async (encoding) => {
      await queryPostgres(source, 'CREATE TABLE t (a int, b text, v int, PRIMARY KEY (a, b))');
      await queryPostgres(target, 'CREATE TABLE t (a int, b text, v int CHECK (v <> 7), PRIMARY KEY (a, b))'); // prettier-ignore
      pipeline = await SinkPipeline.create(source, target, { order: 'transaction' }, encoding);
      await pipeline.start();
      progress = await pipeline.sink.openLane(0);
      writer = pipeline.sink.createOrderedWriter!();
      const int = (n: number): Buffer | string => {
        const bytes = Buffer.alloc(4);
        bytes.writeInt32BE(n);
        return encoding === 'binary' ? bytes : String(n);
      };
      const relation = pipeline.relation('public.t');
      const changes = many.map((i) => {
        const row = toTuple([int(i), `key ${i}`, int(i)]);
        return { key: keyOf(row, relation.key), row, partial: false };
      });
      const refused = write([{ relation, kind: 'insert', changes }]);
      await expect(refused).rejects.toMatchObject({ code: 'ROW_REFUSED' });
      await expect(refused).rejects.toThrow(/t_v_check.* The row: "a" = 7, "b" = key 7\./);
      expect(await rowsAt('SELECT count(*)::int FROM t')).toEqual([[0]]);
    },
  );

  it('tell what to do about a foreign key of the target that cannot wait for the end', async () => {
    const started = await start(FAMILY, FAMILY);
    const plans = started.plan.namespaces;
    expect((await started.sink.check(plans)).map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/run ALTER TABLE public\.child ALTER CONSTRAINT "child_parent_fkey" DEFERRABLE/), // prettier-ignore
    );
    const early = (): ChangeRun[] => [
      run('insert', 'child', [['1', '1', 'c']]),
      run('insert', 'parent', [['1', 'p']]),
    ];
    await expect(write(early())).rejects.toThrow(/child_parent_fkey.*DEFERRABLE/s);
    await queryPostgres(target, 'ALTER TABLE child ALTER CONSTRAINT child_parent_fkey DEFERRABLE');
    progress = await started.sink.openLane(0);
    await write(early());
    expect(await rowsAt('SELECT * FROM child')).toEqual([[1, 1, 'c']]);
  });

  it('would fire triggers of the target, which the check names with the way to stop them', async () => {
    const triggers = `
      CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER mine AFTER INSERT ON parent FOR EACH ROW EXECUTE FUNCTION noted();`;
    const started = await start(FAMILY, FAMILY + triggers);
    const findings = await started.sink.check(started.plan.namespaces);
    expect(findings.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/DISABLE TRIGGER "mine"/) as string }), // prettier-ignore
    ]);
    await queryPostgres(target, 'ALTER TABLE parent DISABLE TRIGGER mine');
    const again = await started.sink.check(started.plan.namespaces);
    expect(again.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('are merged, without constraints, while rows are of a later instant than they', async () => {
    await start(FAMILY, '', 250);
    await queryPostgres(target, `INSERT INTO parent VALUES (1, 'later'), (2, 'later')`);
    await write([
      run('insert', 'parent', [['1', 'then']]),
      run('insert', 'child', [['1', '77', 'its parent is gone already']]),
      run('update', 'parent', [['3', 'then']]),
      run('move', 'parent', [['4', undefined]], [['2', 'x']]),
      run('update', 'parent', [['3', 'now'], ['3', 'now!']]), // prettier-ignore
    ]);
    expect(await rowsAt('SELECT * FROM parent ORDER BY id')).toEqual([
      [1, 'then'],
      [3, 'now!'],
      [4, 'later'],
    ]);
    await write([run('delete', 'child', [['1', '77', '']])]);
    await write([run('insert', 'parent', [['5', 'settled']])]);
    await expect(write([run('insert', 'parent', [['1', 'twice']])])).rejects.toThrow(/unique/);
  });

  it('count equal rows of a table without a key', async () => {
    await start('CREATE TABLE t (v int, w text); ALTER TABLE t REPLICA IDENTITY FULL');
    await write([run('insert', 't', [['1', null], ['1', null], ['2', 'x']])]); // prettier-ignore
    const gone = run('delete', 't', [['1', null]]);
    await write([gone, run('insert', 't', [['3', 'y']]), gone]);
    expect(await rowsAt('SELECT * FROM t ORDER BY v')).toEqual([
      [2, 'x'],
      [3, 'y'],
    ]);
  });
});
