import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ParkedSelection, RetrySteps } from '../../shared/connector/parking.ts';
import type { HeldChange } from '../../shared/connector/sink.ts';
import { toTuple } from '../../shared/change/tuple.ts';
import { dumpTable } from '../support/psql.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { SinkPipeline, toKey, toParts } from '../support/sink-pipeline.ts';

const postgres = usePostgres();
let source: string;
let target: string;
let pipeline: SinkPipeline;

beforeEach(async () => {
  source = await postgres.createDatabase();
  target = await postgres.createDatabase();
});

afterEach(async () => {
  await pipeline.close();
});

const ALL: ParkedSelection = { kind: 'all' };
const ITEMS = 'CREATE TABLE items (id int PRIMARY KEY, n int, note text)';
const SMALL = 'ALTER TABLE items ADD CONSTRAINT small CHECK (n < 100)';
const name = 'public.items';

/** The source has no such constraint: that is why the target refuses what the source accepted. */
async function start(
  schema: string,
  atTarget: string,
  encoding: 'text' | 'binary' = 'text',
): Promise<void> {
  await queryPostgres(source, schema);
  pipeline = await SinkPipeline.create(source, target, { onBadRow: 'park' }, encoding);
  await pipeline.start();
  if (atTarget !== '') await queryPostgres(target, atTarget);
}

async function parked() {
  const entries = await pipeline.sink.parking!.list(ALL, 0, 1000);
  return entries.map(({ kind, key }) => `${kind} ${key === null ? '' : Object.values(key).join()}`);
}

async function replay(
  selection = ALL,
  afterStep: () => Promise<unknown> = () => Promise.resolve(),
): Promise<{ replayed: number; left: number }> {
  const sum = { replayed: 0, left: 0 };
  let until: number | null = null;
  for (
    let next: { selection: ParkedSelection; after: number } | null = { selection, after: 0 };
    next;
  ) {
    const step = await pipeline.sink.parking!.replay(next.selection, next.after, until);
    until = step.until;
    sum.replayed += step.replayed;
    sum.left += step.left;
    next = step.next;
    await afterStep();
  }
  return sum;
}

async function marks(): Promise<unknown[]> {
  const rows = await queryPostgres(target, 'SELECT DISTINCT parked FROM weir.lane');
  return rows.map((row) => row['parked']);
}

const counts = (inserts: number, updates = 0, deletes = 0) => ({ inserts, updates, deletes, truncates: 0 }); // prettier-ignore

describe('a refused row', () => {
  it('is put aside alone among ten thousand, with later changes of its key, and everything else flows', async () => {
    await start(ITEMS, SMALL);
    const upserts = Array.from({ length: 10_000 }, (_, i) => [String(i), i === 7_777 ? '100' : '1', 'x']); // prettier-ignore
    await pipeline.write(1, { [name]: { upserts } }, { [name]: counts(10_000) });
    expect(await dumpTable(target, 'items')).toHaveLength(9_999);
    expect(await parked()).toEqual(['upsert 7777']);
    expect(await marks()).toEqual([true]);

    await pipeline.write(1, { [name]: { partial: [['7777', '5', undefined], ['7778', '5', undefined]] } }, { [name]: counts(0, 2) }); // prettier-ignore
    await pipeline.write(2, { [name]: { upserts: [['20000', '1', null]] } }, { [name]: counts(1) });
    expect(await parked()).toEqual(['upsert 7777', 'update 7777']);
    const state = await pipeline.sink.readProgress();
    expect(state?.applied[name]).toEqual(counts(10_000, 1));
    expect(state?.parked[name]).toEqual({ ...counts(1, 1), entries: 2, rows: 0 });

    const [entry] = await pipeline.sink.parking!.list(ALL, 0, 10);
    expect(entry).toMatchObject({ namespace: name, key: { id: '7777' }, kind: 'upsert', copied: false }); // prettier-ignore
    expect(entry?.reason).toMatch(/small.*23514/);
    expect(await pipeline.sink.parking!.show(entry!.id)).toMatchObject({
      values: { id: '7777', n: '100', note: 'x' },
    });

    await queryPostgres(target, 'ALTER TABLE items DROP CONSTRAINT small');
    expect(await replay()).toEqual({ replayed: 2, left: 0 });
    expect(await dumpTable(target, 'items WHERE id = 7777')).toEqual(['7777\t5\tx']);
    expect(await marks()).toEqual([false]);
    const after = await pipeline.sink.readProgress();
    expect(after?.applied[name]).toEqual(counts(10_001, 2));
    expect(after?.parked).toEqual({});
    await pipeline.write(1, { [name]: { deletes: [['7777']] } });
    expect(await dumpTable(target, 'items WHERE id = 7777')).toEqual([]);
  });

  it('waits on when it is refused again, but not for a later change that brings a good row', async () => {
    await start(ITEMS, SMALL);
    const write = (row: string[]) => pipeline.write(0, { [name]: { upserts: [row] } });
    await write(['1', '100', 'a']);
    await write(['1', '5', 'b']);
    await write(['1', '200', 'c']);
    await write(['2', '300', 'd']);
    await pipeline.write(0, { [name]: { deletes: [['2']] } });
    expect(await parked()).toEqual(['upsert 1', 'upsert 1', 'upsert 1', 'upsert 2', 'delete 2']);
    await queryPostgres(
      target,
      'ALTER TABLE items DROP CONSTRAINT small; ALTER TABLE items ADD CONSTRAINT smaller CHECK (n < 50)',
    );
    expect(await replay()).toEqual({ replayed: 4, left: 1 });
    expect(await dumpTable(target, 'items')).toEqual(['1\t5\tb']);
    const [left] = await pipeline.sink.parking!.list(ALL, 0, 10);
    expect(left).toMatchObject({ key: { id: '1' }, kind: 'upsert' });
    expect(left?.reason).toMatch(/smaller/);
    await write(['1', '6', 'e']);
    expect(await parked()).toEqual(['upsert 1', 'upsert 1']);
  });

  it('of a partition that the target does not have stays alone with that reason, until it is there', async () => {
    const parts = 'public.parts';
    await start(
      `CREATE TABLE parts (id int, part int, n int, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
       CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
       CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2)`,
      'ALTER TABLE parts ADD CONSTRAINT small CHECK (n < 100)',
    );
    const upserts = ['1', '2', '3'].map((id) => [id, id === '2' ? '2' : '1', '100']);
    await pipeline.write(1, { [parts]: { upserts } });
    expect(await parked()).toEqual(['upsert 1,1', 'upsert 2,2', 'upsert 3,1']);
    await queryPostgres(target, 'ALTER TABLE parts DROP CONSTRAINT small; DROP TABLE parts_2');
    expect(await replay()).toEqual({ replayed: 2, left: 1 });
    const [left] = await pipeline.sink.parking!.list(ALL, 0, 10);
    expect(left?.reason).toMatch(/public\.parts .*has no partition for a row.*create it there/);
    await queryPostgres(target, 'CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2)');
    expect(await replay()).toEqual({ replayed: 1, left: 0 });
    expect(await dumpTable(target, 'parts')).toEqual(['1\t1\t100', '2\t2\t100', '3\t1\t100']);
  });

  it('that is parked while others are replayed does not keep the replay from its end', async () => {
    await start(ITEMS, SMALL);
    const write = (from: number, rows: number) =>
      pipeline.write(0, { [name]: { upserts: Array.from({ length: rows }, (_, i) => [String(from + i), '100', 'x']) } }); // prettier-ignore
    await write(0, 300);
    let steps = 0;
    await replay(ALL, () => write(1_000 + steps++, 1));
    expect(steps).toBeLessThan(5);
    expect(await parked()).toHaveLength(300 + steps);
  });

  it('goes when it is discarded, and its key flows again', async () => {
    await start(ITEMS, SMALL);
    await pipeline.write(0, { [name]: { upserts: [['1', '100', 'a'], ['2', '100', 'a'], ['3', '1', 'a']] } }, { [name]: counts(3) }); // prettier-ignore
    const [first] = await pipeline.sink.parking!.list(ALL, 0, 10);
    expect(await pipeline.sink.parking!.discard({ kind: 'ids', ids: [first!.id] })).toBe(1);
    await pipeline.write(0, { [name]: { upserts: [['1', '7', 'b'], ['2', '7', 'b']] } }, { [name]: counts(2) }); // prettier-ignore
    expect(await dumpTable(target, 'items')).toEqual(['1\t7\tb', '3\t1\ta']);
    const state = await pipeline.sink.readProgress();
    expect(state?.applied[name]).toEqual(counts(2));
    expect(state?.discarded[name]).toEqual(counts(1));
    expect(state?.parked[name]).toMatchObject({ inserts: 2, entries: 2 });
    expect(await pipeline.sink.parking!.discard({ kind: 'namespace', namespace: name })).toBe(2);
    expect(await marks()).toEqual([false]);
  });

  it('is found in binary, too, and two who replay at once do it once', async () => {
    await start(ITEMS, SMALL, 'binary');
    const rows = Array.from({ length: 600 }, (_, i) => toTuple([int4(i), int4(i % 3 === 0 ? 500 : 1), 'x'])); // prettier-ignore
    const batch = await pipeline.batch(0, { [name]: {} }, { [name]: counts(600) });
    batch.changes[0]!.upserts.push(...rows);
    await pipeline.sink.writeUpdates(batch);
    expect(await parked()).toHaveLength(200);
    expect((await parked())[1]).toBe('upsert 3');
    await queryPostgres(target, 'ALTER TABLE items DROP CONSTRAINT small');
    const both = await Promise.all([replay(), replay()]);
    expect(both[0].replayed + both[1].replayed).toBe(200);
    expect(await dumpTable(target, 'items')).toHaveLength(600);
    expect((await pipeline.sink.readProgress())?.applied[name]).toEqual(counts(600));
  });

  it.each(['', ' UNIQUE'])(
    'is found among changes of every kind, with a further key or without:%s',
    async (also) => {
      await start(
        `CREATE TABLE items (id int PRIMARY KEY, n int, note text${also}); CREATE TABLE bag (n int); ALTER TABLE bag REPLICA IDENTITY FULL`,
        `CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ASSERT OLD.n <> 7; RETURN OLD; END $$;
       CREATE TRIGGER keep BEFORE DELETE ON items FOR EACH ROW EXECUTE FUNCTION keep(); ALTER TABLE items ENABLE ALWAYS TRIGGER keep;
       CREATE TRIGGER keep BEFORE DELETE ON bag FOR EACH ROW EXECUTE FUNCTION keep(); ALTER TABLE bag ENABLE ALWAYS TRIGGER keep;
       ${SMALL}`,
      );
      await pipeline.write(0, {
        [name]: {
          upserts: Array.from({ length: 9 }, (_, i) => [String(i), String(i), `note ${i}`]),
        },
        'public.bag': { upserts: [['6'], ['7'], ['7'], ['8']] },
      });
      await pipeline.write(0, {
      [name]: {
        upserts: [['1', '100', 'a'], ['2', '20', 'b'], ['10', '100', 'c']],
        partial: [['3', '30', undefined], ['4', '400', undefined], ['5', undefined, 'd'], ['6', 'x', 'e']],
        deletes: [['7'], ['8'], ['0']],
      },
      'public.bag': { deletes: [['6'], ['7']] },
    }); // prettier-ignore
      expect((await parked()).sort()).toEqual(['delete ', 'delete 7', 'update 4', 'update 6', 'upsert 1', 'upsert 10']); // prettier-ignore
      const kept = ['1\t1\tnote 1', '2\t20\tb', '3\t30\tnote 3', '4\t4\tnote 4', '5\t5\td', '6\t6\tnote 6', '7\t7\tnote 7']; // prettier-ignore
      expect((await dumpTable(target, 'items')).sort()).toEqual(kept);
      expect((await dumpTable(target, 'bag')).sort()).toEqual(['7', '7', '8']);
    },
  );

  it('is found where the bytes themselves cannot be read at the target', async () => {
    await start(ITEMS, '', 'binary');
    const batch = await pipeline.batch(0, { [name]: {} });
    const note = (i: number) => (i % 20 === 0 ? Buffer.from([0xff]) : 'x');
    batch.changes[0]!.upserts.push(...Array.from({ length: 50 }, (_, i) => toTuple([int4(i), int4(1), note(i)]))); // prettier-ignore
    await pipeline.sink.writeUpdates(batch);
    expect(await parked()).toEqual(['upsert 0', 'upsert 20', 'upsert 40']);
    expect(await dumpTable(target, 'items')).toHaveLength(47);
  });

  it('holds back what takes its unique value, and a replay hands values on', async () => {
    await start('CREATE TABLE seats (id int PRIMARY KEY, seat text UNIQUE, n int)', 'ALTER TABLE seats ADD CONSTRAINT small CHECK (n < 100)'); // prettier-ignore
    const seats = 'public.seats';
    await pipeline.write(0, { [seats]: { upserts: [['1', 'A', '1'], ['2', 'B', '1'], ['3', 'C', '1'], ['4', 'D', '1']] } }); // prettier-ignore
    // 1 gives A to 2, and 3 and 4 swap; only 1 is bad.
    await pipeline.write(0, { [seats]: { upserts: [['1', 'X', '100'], ['2', 'A', '1'], ['3', 'D', '1'], ['4', 'C', '1']] } }); // prettier-ignore
    expect((await parked()).sort()).toEqual(['upsert 1', 'upsert 2']);
    expect(await dumpTable(target, 'seats')).toEqual(['1\tA\t1', '2\tB\t1', '3\tD\t1', '4\tC\t1']);
    await queryPostgres(target, 'ALTER TABLE seats DROP CONSTRAINT small');
    expect(await replay()).toEqual({ replayed: 2, left: 0 });
    expect(await dumpTable(target, 'seats')).toEqual([
      '1\tX\t100',
      '2\tA\t1',
      '3\tD\t1',
      '4\tC\t1',
    ]);
  });

  it('without a key is parked alone; an equal one that goes later takes it along', async () => {
    await start(
      'CREATE TABLE bag (n int); ALTER TABLE bag REPLICA IDENTITY FULL; CREATE TABLE log (n int)',
      'ALTER TABLE bag ADD CONSTRAINT small CHECK (n < 100); ALTER TABLE log ADD CONSTRAINT small CHECK (n < 100)',
    );
    await pipeline.write(0, {
      'public.bag': { upserts: [['1'], ['500'], ['500']] },
      'public.log': { upserts: [['1'], ['500'], ['500']] },
    });
    await pipeline.write(0, { 'public.bag': { upserts: [['2']], deletes: [['500']] } });
    expect(await parked()).toHaveLength(5);
    expect((await dumpTable(target, 'bag')).sort()).toEqual(['1', '2']);
    await queryPostgres(target, 'ALTER TABLE bag DROP CONSTRAINT small; ALTER TABLE log DROP CONSTRAINT small'); // prettier-ignore
    expect(await replay()).toEqual({ replayed: 5, left: 0 });
    expect((await dumpTable(target, 'bag')).sort()).toEqual(['1', '2', '500']);
    expect((await dumpTable(target, 'log')).sort()).toEqual(['1', '500', '500']);
  });

  it('takes the whole table with it where equal keys may be written differently', async () => {
    await start('CREATE TABLE sums (id numeric PRIMARY KEY, n int)', 'ALTER TABLE sums ADD CONSTRAINT small CHECK (n < 100)'); // prettier-ignore
    const sums = 'public.sums';
    await pipeline.write(0, {
      [sums]: {
        upserts: [
          ['1.0', '1'],
          ['2', '2'],
        ],
      },
    });
    await pipeline.write(0, { [sums]: { upserts: [['1.0', '100']] } });
    await pipeline.write(0, { [sums]: { upserts: [['1.00', '5'], ['3', '3']], deletes: [['1.0']] } }); // prettier-ignore
    expect(await dumpTable(target, 'sums')).toEqual(['1.0\t1', '2\t2']);
    await queryPostgres(target, 'ALTER TABLE sums DROP CONSTRAINT small');
    expect((await replay()).left).toBe(0);
    expect(await dumpTable(target, 'sums')).toEqual(['1.00\t5', '2\t2', '3\t3']);
  });
});

describe('what concerns all lanes', () => {
  it('a truncate empties what is parked of the table, and counts it', async () => {
    await start(`${ITEMS}; CREATE TABLE other (id int PRIMARY KEY, n int)`, `${SMALL}; ALTER TABLE other ADD CONSTRAINT small CHECK (n < 100)`); // prettier-ignore
    await pipeline.write(1, { [name]: { upserts: [['1', '100', 'a']] }, 'public.other': { upserts: [['1', '100']] } }, { [name]: counts(1), 'public.other': counts(1) }); // prettier-ignore
    await pipeline.runBarrier({ kind: 'truncate', relations: [pipeline.relation(name)], cascade: false, restartIdentity: false }); // prettier-ignore
    const state = await pipeline.sink.readProgress();
    expect(state?.applied[name]).toEqual(counts(1));
    expect(Object.keys(state?.parked ?? {})).toEqual(['public.other']);
    await pipeline.write(1, { [name]: { upserts: [['1', '1', 'b']] } });
    expect(await dumpTable(target, 'items')).toEqual(['1\t1\tb']);
  });

  it('a row that moves waits behind what is parked of its old key, and both keys wait behind it', async () => {
    await start(ITEMS, SMALL);
    const relation = pipeline.relation(name);
    const move = (from: string, to: (string | undefined)[]) =>
      pipeline.runBarrier({
        kind: 'move',
        relation,
        moves: [
          {
            key: toKey(relation, [from]).toString('base64'),
            row: toTuple(to).toString('base64'),
          },
        ],
      });
    await pipeline.write(0, {
      [name]: {
        upserts: [
          ['1', '1', 'long'],
          ['8', '1', 'x'],
        ],
      },
    });
    await pipeline.write(0, { [name]: { partial: [['1', '100', undefined]] } });
    await move('1', ['2', '100', undefined]);
    await pipeline.write(0, {
      [name]: {
        upserts: [
          ['1', '9', 'new'],
          ['2', '7', 'later'],
        ],
      },
    });
    await move('8', ['9', '100', undefined]);
    expect(await parked()).toEqual(['update 1', 'move 2', 'upsert 1', 'upsert 2', 'move 9']);
    expect(await dumpTable(target, 'items')).toEqual(['1\t1\tlong', '8\t1\tx']);
    // Nothing overtakes a move: it takes its old row away.
    expect((await replay()).replayed).toBe(0);
    await queryPostgres(target, 'ALTER TABLE items DROP CONSTRAINT small');
    expect(await replay()).toEqual({ replayed: 5, left: 0 });
    expect(await dumpTable(target, 'items')).toEqual(['1\t9\tnew', '2\t7\tlater', '9\t100\tx']);
  });

  it('a constraint that speaks only at the commit stops the pipeline and says so', async () => {
    await start(ITEMS, `
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$;
      CREATE CONSTRAINT TRIGGER late AFTER INSERT ON items DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
      ALTER TABLE items ENABLE ALWAYS TRIGGER late`); // prettier-ignore
    const refused = pipeline.write(0, {
      [name]: {
        upserts: [
          ['1', '1', 'a'],
          ['2', '1', 'b'],
        ],
      },
    });
    await expect(refused).rejects.toMatchObject({ code: 'ROW_REFUSED' });
    await expect(refused).rejects.toThrow(/deferred.*NOT DEFERRABLE/);
    expect(await parked()).toEqual([]);
  });
});

describe('a chunk with a refused row', () => {
  const rows = Array.from({ length: 5_000 }, (_, i) => toTuple([int4(i), int4(i === 4_321 ? 100 : 1), 'a\tb'])); // prettier-ignore

  async function startWithChunks(encoding: 'text' | 'binary'): Promise<void> {
    await queryPostgres(source, ITEMS);
    await queryPostgres(target, `${ITEMS}; ${SMALL}`);
    pipeline = await SinkPipeline.create(source, target, { onBadRow: 'park' }, encoding);
    pipeline.addChunk(name);
    await pipeline.start();
  }

  it.each(['text', 'binary'] as const)(
    'is loaded without it, and a change of its key (%s) waits behind it',
    async (encoding) => {
      await startWithChunks(encoding);
      const head = pipeline.headOf(pipeline.namespace(name).chunks[0]!, rows.length);
      expect(await pipeline.sink.writeData(head, toParts(rows, 5_000))).toBe('again');
      expect(await dumpTable(target, 'items')).toEqual([]);
      expect(await pipeline.sink.writeData(head, toParts(rows, 5_000))).toBe('loaded');
      expect(await pipeline.sink.writeData(head, toParts(rows, 5_000))).toBe('present');
      await pipeline.sink.finishNamespaces();
      expect(await dumpTable(target, 'items')).toHaveLength(4_999);
      const state = await pipeline.sink.readState();
      expect(state?.plan.namespaces[0]).toMatchObject({ state: 'ready', rowsDone: 5_000 });
      expect(state?.parked[name]).toMatchObject({ entries: 1, rows: 1, inserts: 0 });

      const values = ['4321', '5', 'new'];
      const batch = await pipeline.batch(2, { [name]: {} });
      const tuple = encoding === 'text' ? toTuple(values) : toTuple([int4(4321), int4(5), 'new']);
      batch.changes[0]!.upserts.push(tuple);
      await pipeline.sink.writeUpdates(batch);
      expect(await parked()).toEqual(['upsert 4321', 'upsert 4321']);
      expect(await replay()).toEqual({ replayed: 2, left: 0 });
      expect(await dumpTable(target, 'items WHERE id = 4321')).toEqual(['4321\t5\tnew']);
    },
  );
});

it('a row of the copy that meets a row of somebody else is parked, and that one stays', async () => {
  await queryPostgres(source, ITEMS);
  pipeline = await SinkPipeline.create(source, target, { onBadRow: 'park' });
  const chunk = pipeline.addChunk(name);
  await pipeline.start();
  await queryPostgres(target, `INSERT INTO items VALUES (1, 1, 'mine')`);
  const head = pipeline.headOf(chunk, 2);
  const rows = [toTuple([int4(1), int4(2), 'x']), toTuple([int4(2), int4(2), 'x'])];
  expect(await pipeline.sink.writeData(head, toParts(rows))).toBe('again');
  expect(await pipeline.sink.writeData(head, toParts(rows))).toBe('loaded');
  expect(await dumpTable(target, 'items')).toEqual(['1\t1\tmine', '2\t2\tx']);
  expect(await parked()).toEqual(['upsert 1']);
});

function int4(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

describe('a row that a step failed for', () => {
  it('is put aside as it was, with what comes behind it, and goes through the steps again with a replay', async () => {
    let answer: Awaited<ReturnType<RetrySteps>> = { failure: 'step 1 (set): still no' };
    const asked: unknown[] = [];
    const retrySteps: RetrySteps = (relation, kind, tuple) => {
      asked.push([relation, kind, tuple]);
      return Promise.resolve(answer);
    };
    await queryPostgres(source, ITEMS);
    pipeline = await SinkPipeline.create(source, target, { onBadRow: 'park', retrySteps });
    await pipeline.start();
    const relation = pipeline.relation(name);
    const before = { ...relation, columns: relation.columns.slice(0, 2) };
    const failed = {
      reason: 'step 1 (set): no',
      source: before,
      tuple: toTuple(['1', '5']),
      key: toKey(relation, ['1', null, null]),
    };
    const batch = await pipeline.batch(1, { [name]: { upserts: [['2', '2', 'x']] } }, { [name]: counts(2, 1) }); // prettier-ignore
    const { position } = batch.after;
    const held: HeldChange[] = [
      { relation, kind: 'upsert', failed, counts: counts(1), position },
      { relation, kind: 'update', bytes: toTuple(['1', undefined, 'later']), failed: null, counts: counts(0, 1), position }, // prettier-ignore
    ];
    await pipeline.sink.writeUpdates({ ...batch, held });
    expect(await dumpTable(target, 'items')).toEqual(['2\t2\tx']);
    expect(await parked()).toEqual(['upsert 1', 'update 1']);
    const progress = await pipeline.sink.readProgress();
    expect(progress?.applied[name]).toEqual(counts(1));
    expect(progress?.parked[name]).toMatchObject(counts(1, 1));
    const [entry] = await pipeline.sink.parking!.list(ALL, 0, 10);
    expect(entry).toMatchObject({ untransformed: true, reason: 'step 1 (set): no' });
    expect((await pipeline.sink.parking!.show(entry!.id))?.values).toEqual({ id: '1', n: '5' });

    expect(await replay()).toEqual({ replayed: 0, left: 2 });
    expect(asked[0]).toEqual([before, 'insert', failed.tuple]);
    expect((await pipeline.sink.parking!.list(ALL, 0, 1))[0]?.reason).toBe(
      'step 1 (set): still no',
    );
    answer = { relation, tuple: toTuple(['1', '50', 'made']), partial: false, elsewhere: [] };
    expect(await replay()).toEqual({ replayed: 2, left: 0 });
    expect(await dumpTable(target, 'items ORDER BY id')).toEqual(['1\t50\tlater', '2\t2\tx']);
    expect((await pipeline.sink.readProgress())?.applied[name]).toEqual(counts(2, 1));
  });
});
