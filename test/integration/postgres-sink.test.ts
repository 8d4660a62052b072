import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FIRST_POSITION, LAST_POSITION, toPosition } from '../../shared/change/position.ts';
import type { LaneBatch } from '../../shared/connector/sink.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import type { WeirError } from '../../shared/errors/weir-error.ts';
import { toTuple } from '../../shared/change/tuple.ts';
import { dumpQuery, dumpTable } from '../support/psql.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { SinkPipeline, toParts, type WrittenChanges } from '../support/sink-pipeline.ts';

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

async function start(schema: string, encoding?: 'binary'): Promise<SinkPipeline> {
  await queryPostgres(source, schema);
  pipeline = await SinkPipeline.create(source, target, {}, encoding);
  await pipeline.start();
  return pipeline;
}

function int4(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const ITEMS = 'CREATE TABLE items (id int PRIMARY KEY, name text, note text)';
const PARTED =
  'CREATE TABLE items (id int PRIMARY KEY, name text, note text) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF items FOR VALUES FROM (0) TO (500); CREATE TABLE p2 PARTITION OF items DEFAULT';
const once: ChangeCounts = { inserts: 2, updates: 1, deletes: 0, truncates: 0 };

describe('changes', () => {
  it('upserts, deletes and moves progress and counts in the same transaction', async () => {
    await start(ITEMS);
    await pipeline.write(1, { 'public.items': { upserts: [['1', 'a', null], ['2', 'b\\\t"', 'é']] } }, { 'public.items': once }); // prettier-ignore
    await pipeline.write(1, { 'public.items': { upserts: [['2', 'B', '']], deletes: [['1']] } }, { 'public.items': once }); // prettier-ignore
    expect(await dumpTable(target, 'items')).toEqual(['2\tB\t']);
    const state = await pipeline.sink.readState();
    expect(state?.lanes[1]).toMatchObject({
      lane: 1,
      epoch: 1,
      readerEpoch: pipeline.readerEpoch,
      sequence: 2,
    });
    expect(state?.applied['public.items']).toEqual({ inserts: 4, updates: 2, deletes: 0, truncates: 0 }); // prettier-ignore
  });

  it('refuse an owner whose epoch has passed, and leave nothing behind', async () => {
    await start(ITEMS);
    const late = await pipeline.batch(0, { 'public.items': { upserts: [['1', 'late', null]] } }, { 'public.items': once }); // prettier-ignore
    await pipeline.open(0);
    await expect(pipeline.sink.writeUpdates(late)).rejects.toMatchObject({ code: 'FENCED' });
    const idle = { ...late, changes: [] };
    await expect(pipeline.sink.writeUpdates(idle)).rejects.toMatchObject({ code: 'FENCED' });
    expect(await dumpTable(target, 'items')).toEqual([]);
    expect((await pipeline.sink.readState())?.applied).toEqual({});
  });

  it('of an earlier reader are refused once another has begun, and its own go on in the lane', async () => {
    await start('CREATE TABLE bag (a int); ALTER TABLE bag REPLICA IDENTITY FULL');
    await pipeline.write(0, { 'public.bag': { upserts: [['1']] } });
    const held = await pipeline.batch(0, { 'public.bag': { upserts: [['2']] } });
    pipeline.readerEpoch = await pipeline.sink.beginReader();
    await expect(pipeline.sink.writeUpdates(held)).rejects.toMatchObject({ code: 'FENCED' });
    await pipeline.write(0, { 'public.bag': { upserts: [['3']] } });
    expect((await dumpTable(target, 'bag')).sort()).toEqual(['1', '3']);
  });

  it('are applied once though the same batch comes twice', async () => {
    await start(ITEMS);
    await pipeline.write(0, { 'public.items': { upserts: [['1', 'a', null]] } });
    const batch = await pipeline.write(0, { 'public.items': { upserts: [['2', 'b', null]] } });
    await pipeline.write(0, { 'public.items': { deletes: [['2']] } });
    await expect(pipeline.sink.writeUpdates(batch)).rejects.toMatchObject({ code: 'FENCED' });
    expect(await dumpTable(target, 'items')).toEqual(['1\ta\t\\N']);
  });

  it('come to the same whether they are a few, each with a statement of its own, or many, which are staged', async () => {
    await start(
      'CREATE TABLE few (id int PRIMARY KEY, name varchar(5), note text, flag boolean); CREATE TABLE many (LIKE few INCLUDING ALL)',
    );
    const others = Array.from({ length: 100 }, (_, i) => [String(1_000 + i), 'other', null, 't']);
    const write = async ({ upserts = [], ...more }: WrittenChanges): Promise<void> => {
      await pipeline.write(0, { 'public.few': { upserts, ...more } });
      await pipeline.write(1, { 'public.many': { upserts: [...upserts, ...others], ...more } });
    };
    await write({ upserts: [['1', 'a', 'x', 't'], ['2', 'b', null, 'f'], ['3', null, '', null]] }); // prettier-ignore
    await write({ upserts: [['2', 'B', 'y', null], ['4', 'd', 'é"\\', 't']], deletes: [['3'], ['9']] }); // prettier-ignore
    await write({ partial: [['1', 'A', undefined, 'f'], ['2', null, undefined, undefined], ['8', 'x', undefined, 't']] }); // prettier-ignore
    for (const table of ['few', 'many'])
      expect(
        await dumpQuery(target, `SELECT * FROM ${table} WHERE id < 1000 ORDER BY id`),
        table,
      ).toEqual(['1\tA\tx\tf', '2\t\\N\ty\t\\N', '4\td\té"\\\\\tt']);
    const tooLong = { upserts: [['5', 'longer', null, 't']] };
    await expect(write(tooLong)).rejects.toMatchObject({ code: 'ROW_REFUSED' });
  });

  it('merge a row whose key came into being where somebody wrote one of that key at the target', async () => {
    await start('CREATE TABLE words (word text PRIMARY KEY, note text)', 'binary');
    const words = 'public.words';
    await pipeline.write(0, { [words]: { upserts: [['a', '1'], ['b', '1']], fresh: 2 } }); // prettier-ignore
    await queryPostgres(target, `INSERT INTO words VALUES ('d', 'by hand')`);
    await pipeline.write(0, { [words]: { upserts: [['c', '2'], ['d', '2'], ['a', '2']], fresh: 2, deletes: [['b']] } }); // prettier-ignore
    await pipeline.write(0, { [words]: { upserts: [['e', '3']], fresh: 1 } });
    expect(await dumpTable(target, 'words')).toEqual(['a\t2', 'c\t2', 'd\t2', 'e\t3']);
  });

  it('keep unchanged columns, and drop a partial row whose row is gone', async () => {
    await start(ITEMS);
    await pipeline.write(0, { 'public.items': { upserts: [['1', 'a', 'long']] } });
    await pipeline.write(0, { 'public.items': { partial: [['1', 'b', undefined], ['9', 'x', undefined]] } }); // prettier-ignore
    expect(await dumpTable(target, 'items')).toEqual(['1\tb\tlong']);
    await pipeline.write(0, { 'public.items': { partial: [['1', null, undefined]] } });
    expect(await dumpTable(target, 'items')).toEqual(['1\t\\N\tlong']);
  });

  it.each([
    ['merged, a few', ITEMS, 'binary', 0],
    ['merged, many', ITEMS, 'binary', 100],
    ['merged as text, many', ITEMS, undefined, 100],
    ['replaced', `${ITEMS}; CREATE UNIQUE INDEX ON items (name)`, 'binary', 100],
    ['of a partitioned table, a few', PARTED, 'binary', 0],
    ['of a partitioned table, many', PARTED, 'binary', 100],
  ] as const)(
    'that meet no row are counted with their progress: %s',
    async (_, schema, encoding, more) => {
      await start(schema, encoding);
      const binary = (row: (string | null | undefined)[]): (string | null | undefined)[] =>
        encoding === undefined ? row : [int4(Number(row[0])) as never, ...row.slice(1)];
      const rows = (from: number, n: number): (string | null | undefined)[][] =>
        Array.from({ length: n }, (__, i) => binary([`${from + i}`, `n${from + i}`, null]));
      const write = (changes: WrittenChanges): Promise<LaneBatch> =>
        pipeline.write(0, { 'public.items': changes });
      const unmet = async (): Promise<unknown> => (await pipeline.sink.readState())?.unmet;
      const there = 3 + more;
      await write({ upserts: rows(1, there), fresh: there });
      // All are met: rows that come, change and go, and one that came and went within the batch.
      await write({
        upserts: [...rows(1_000, 1 + more), ...rows(1, 1 + more)],
        fresh: 1 + more,
        partial: [binary(['2', undefined, 'x'])].slice(more === 0 ? 0 : 1),
        deletes: [[...rows(there, 1)[0]!.slice(0, 1)], [...rows(9_999, 1)[0]!.slice(0, 1)]],
        passed: 1,
      });
      expect(await unmet()).toEqual({});
      // None of these is.
      await write({
        upserts: [...rows(2_000, 1), ...rows(3_000, 2 + more), ...rows(1, 1)],
        fresh: 1,
        partial: [binary(['8000', undefined, 'x'])],
        deletes: [rows(9_000, 1)[0]!.slice(0, 1), rows(9_001, 1)[0]!.slice(0, 1)],
      });
      const counted = { inserts: 0, updates: 3 + more, deletes: 2, truncates: 0 };
      expect(await unmet()).toEqual({ 'public.items': counted });
      await expect(
        write({ upserts: rows(5_000, 1), partial: [binary(['1', undefined, undefined])] }),
      ).resolves.toBeDefined();
      expect(await unmet()).toEqual({ 'public.items': { ...counted, updates: 4 + more } });
    },
  );

  it('that meet no row are counted where rows have no key, and not before a copy that they overlap is in', async () => {
    await start('CREATE TABLE t (v int); ALTER TABLE t REPLICA IDENTITY FULL');
    const write = (deletes: string[]): Promise<LaneBatch> =>
      pipeline.write(0, { 'public.t': { deletes: deletes.map((v) => [v]) } });
    await pipeline.write(0, { 'public.t': { upserts: [['1'], ['1'], ['2']] } });
    await write(['1', '2', '2', '3']);
    const counted = { 'public.t': { inserts: 0, updates: 0, deletes: 2, truncates: 0 } };
    expect((await pipeline.sink.readState())?.unmet).toEqual(counted);
    await queryPostgres(target, `UPDATE weir.namespace SET settled = '${LAST_POSITION}'`);
    await write(['3']);
    expect((await pipeline.sink.readState())?.unmet).toEqual(counted);
  });

  it('hand unique values from row to row within one batch, unchanged columns included', async () => {
    await start(
      'CREATE TABLE seats (id int PRIMARY KEY, seat text UNIQUE, note text); CREATE UNIQUE INDEX ON seats (note) WHERE note IS NOT NULL',
    );
    await pipeline.write(0, { 'public.seats': { upserts: [['1', 'A', 'x'], ['2', 'B', 'y'], ['3', 'C', null]] } }); // prettier-ignore
    await pipeline.write(0, { 'public.seats': { upserts: [['1', 'B', 'x']], partial: [['2', 'A', undefined]], deletes: [['3']] } }); // prettier-ignore
    expect(await dumpTable(target, 'seats')).toEqual(['1\tB\tx', '2\tA\ty']);
  });

  it('remove one equal row for each delete where rows have no key, NULLs equal', async () => {
    await start('CREATE TABLE bag (a int, b jsonb, c json); ALTER TABLE bag REPLICA IDENTITY FULL');
    const row = ['1', null, '{"k": 1}'];
    await pipeline.write(0, {
      'public.bag': { upserts: [row, row, row, ['2', '{"a": 1}', null]] },
    });
    await pipeline.write(0, { 'public.bag': { deletes: [row, row, ['7', null, null]] } });
    expect(await dumpTable(target, 'bag')).toEqual(['1\t\\N\t{"k": 1}', '2\t{"a": 1}\t\\N']);
  });

  it('append to a table that has nothing to tell rows apart by', async () => {
    await start('CREATE TABLE log (a int, b text)');
    await pipeline.write(0, {
      'public.log': {
        upserts: [
          ['1', 'x'],
          ['1', 'x'],
        ],
      },
    });
    expect(await dumpTable(target, 'log')).toEqual(['1\tx', '1\tx']);
  });

  it('carry identity columns, generated columns, keys of several types and odd names', async () => {
    await start(`
      CREATE TYPE mood AS ENUM ('ok', 'no');
      CREATE TABLE "We.ird ""T""" ("a b" mood, "select" text, id bigint GENERATED ALWAYS AS IDENTITY,
        twice bigint GENERATED ALWAYS AS (id * 2) STORED, PRIMARY KEY ("a b", "select"))`);
    const name = pipeline.plan.namespaces[0]!.relation.namespace;
    await pipeline.write(0, {
      [name]: {
        upserts: [
          ['ok', 'k', '5'],
          ['no', 'k', '6'],
        ],
      },
    });
    await pipeline.write(0, { [name]: { upserts: [['ok', 'k', '7']], deletes: [['no', 'k']] } });
    expect(await dumpTable(target, '"We.ird ""T"""')).toEqual(['ok\tk\t7\t14']);
  });

  it('name table, constraint, key and remedy where the target refuses a row, and no other value', async () => {
    await start(
      'CREATE TABLE aged (id int PRIMARY KEY, age int CONSTRAINT grown CHECK (age > 17))',
    );
    const failed = pipeline.write(0, { 'public.aged': { upserts: [['1', '16424']] } });
    await failed;
    const refused = pipeline.write(0, { 'public.aged': { upserts: [['5', '19'], ['424242', '-7654']] } }); // prettier-ignore
    await expect(refused).rejects.toMatchObject({ code: 'ROW_REFUSED' });
    await expect(refused).rejects.toThrow(
      /public\.aged.*grown.*23514.*id = 424242.*position \w{32}/,
    );
    await expect(refused).rejects.not.toThrow(/7654/);
    await pipeline.open(0);
    await pipeline.write(0, { 'public.aged': { upserts: [['2', '18']] } });
    expect(await dumpQuery(target, 'SELECT id FROM aged')).toEqual(['1', '2']);
  });

  it('go to the partition they belong to, and wait for one that is not there yet', async () => {
    await start(`CREATE TABLE days (day int, v text, PRIMARY KEY (day)) PARTITION BY RANGE (day);
      CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM (0) TO (10)`);
    await pipeline.write(0, { 'public.days': { upserts: [['1', 'a']] } });
    await expect(
      pipeline.write(0, { 'public.days': { upserts: [['11', 'b']] } }),
    ).rejects.toMatchObject({ code: 'TARGET_NOT_READY', retryable: true });
    await pipeline.sink.writeSideState({
      sequences: [],
      partitions: [
        { schema: 'public', name: 'days_2', parent: { schema: 'public', name: 'days' }, bound: 'FOR VALUES FROM (10) TO (20)', partitionBy: null }, // prettier-ignore
      ],
    });
    await pipeline.open(0);
    await pipeline.write(0, { 'public.days': { upserts: [['11', 'b']] } });
    expect(await dumpTable(target, 'days_2')).toEqual(['11\tb']);
  });

  it('of several lanes run side by side', async () => {
    await start(ITEMS);
    await Promise.all(
      [0, 1, 2].map(async (lane) => {
        for (let i = 0; i < 10; i++)
          await pipeline.write(lane, { 'public.items': { upserts: [[String(lane * 100 + i), 'x', null]] } }); // prettier-ignore
      }),
    );
    expect(await dumpTable(target, 'items')).toHaveLength(30);
  });

  it('of several lanes that come at once share a transaction, and a refused one keeps none of the others', async () => {
    await start(`${ITEMS}; ALTER TABLE items ADD CHECK (name <> 'bad')`);
    const batches = (names: string[], first: number) =>
      Promise.all(
        names.map(async (name, lane) => {
          await pipeline.open(lane);
          return pipeline.batch(lane, { 'public.items': { upserts: [[String(first + lane), name, null]] } }); // prettier-ignore
        }),
      );
    const write = async (all: LaneBatch[]) =>
      (await Promise.allSettled(all.map((batch) => pipeline.sink.writeUpdates(batch)))).map(
        (each) => (each.status === 'fulfilled' ? 'written' : (each.reason as WeirError).code),
      );
    const transactions = (where: string) =>
      queryPostgres(
        target,
        `SELECT count(DISTINCT xmin::text)::int AS n FROM items WHERE ${where}`,
      );

    expect(await write(await batches(['a', 'b', 'c'], 10))).toEqual(Array(3).fill('written'));
    expect(await transactions('id >= 10')).toEqual([{ n: 1 }]);

    const refused = await batches(['d', 'bad', 'e'], 20);
    expect(await write(refused)).toEqual(['written', 'ROW_REFUSED', 'written']);

    const late = await batches(['f', 'g', 'h'], 30);
    await pipeline.open(2);
    expect(await write(late)).toEqual(['written', 'written', 'FENCED']);
    expect((await dumpTable(target, 'items')).map((row) => row.split('\t')[1]).sort()).toEqual([
      'a',
      'b',
      'c',
      'd',
      'e',
      'f',
      'g',
    ]);
  });

  it('give a retryable error where the connection goes, and go on after it', async () => {
    await start(ITEMS);
    await pipeline.write(0, { 'public.items': { upserts: [['1', 'a', null]] } });
    await queryPostgres(
      target,
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await expect(pipeline.write(0, { 'public.items': { deletes: [['1']] } })).rejects.toMatchObject(
      { code: 'UNREACHABLE', retryable: true },
    );
    await pipeline.open(0);
    await pipeline.write(0, { 'public.items': { deletes: [['1']] } });
    expect(await dumpTable(target, 'items')).toEqual([]);
  });
});

describe('chunks', () => {
  const rows = [toTuple([int4(1), 'a', null]), toTuple([int4(2), 'b', 'n'])];

  async function startWithChunks(how: ('load' | 'merge')[]): Promise<void> {
    await queryPostgres(source, ITEMS);
    pipeline = await SinkPipeline.create(source, target);
    for (const each of how) pipeline.addChunk('public.items', each);
    await pipeline.start();
  }

  it('are loaded once, and the second delivery is not even read', async () => {
    await startWithChunks(['load']);
    const head = pipeline.headOf(pipeline.namespace('public.items').chunks[0]!, 2);
    expect((await pipeline.sink.finishNamespaces()).get('public.items')).toBe(FIRST_POSITION);
    expect(await pipeline.sink.writeData(head, toParts(rows))).toBe('loaded');
    let read = false;

    async function* again(): AsyncGenerator<Buffer> {
      read = true;
      yield Buffer.alloc(0);
    }
    expect(await pipeline.sink.writeData(head, again())).toBe('present');
    expect(read).toBe(false);
    expect((await pipeline.sink.finishNamespaces()).get('public.items')).toBe(LAST_POSITION);
    expect(await dumpTable(target, 'items')).toEqual(['1\ta\t\\N', '2\tb\tn']);
    const state = await pipeline.sink.readState();
    expect(state?.plan.namespaces[0]).toMatchObject({ state: 'ready', chunks: [], chunksDone: 1, rowsDone: 2 }); // prettier-ignore
    expect(await queryPostgres(target, 'SELECT batch_key FROM weir.chunk')).toEqual([{ batch_key: 'key 1' }]); // prettier-ignore
  });

  it('leave nothing behind where their bytes end early or their count is wrong', async () => {
    await startWithChunks(['load']);
    const chunk = pipeline.namespace('public.items').chunks[0]!;
    async function* broken(): AsyncGenerator<Buffer> {
      let pieces = 0;
      for await (const part of toParts(rows, 11)) {
        if (pieces++ === 3) throw new Error('gone away');
        yield part;
      }
    }
    const head = pipeline.headOf(chunk, 2);
    await expect(pipeline.sink.writeData(head, broken())).rejects.toThrow('gone away');
    const wrong = pipeline.headOf(chunk, 3);
    await expect(pipeline.sink.writeData(wrong, toParts(rows))).rejects.toMatchObject({ code: 'INTERNAL' }); // prettier-ignore
    expect(await dumpTable(target, 'items')).toEqual([]);
    expect(await pipeline.sink.writeData(head, toParts(rows))).toBe('loaded');
  });

  it('take turns on the ledger where two writers have the same one', async () => {
    await startWithChunks(['load']);
    const head = pipeline.headOf(pipeline.namespace('public.items').chunks[0]!, 2);
    const both = await Promise.all([
      pipeline.sink.writeData(head, toParts(rows)),
      pipeline.sink.writeData(head, toParts(rows)),
    ]);
    expect(both.sort()).toEqual(['loaded', 'present']);
  });

  it('that wait for a reader that is gone give way to the next plan, however late they began', async () => {
    await startWithChunks(['load']);
    const head = pipeline.headOf(pipeline.namespace('public.items').chunks[0]!, 2);
    let began = (): void => undefined;
    const beginning = new Promise<void>((resolve) => (began = resolve));
    async function* endless(): AsyncGenerator<Buffer> {
      for await (const part of toParts(rows)) {
        yield part;
        began();
        await new Promise(() => undefined);
      }
    }
    const loading = pipeline.sink.writeData(head, endless());
    const ended = expect(loading).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await beginning;
    await pipeline.start();
    await ended;
    expect(await pipeline.sink.writeData(head, toParts(rows))).toBe('loaded');
  }, 15_000);

  it('are merged into rows that may be there', async () => {
    await startWithChunks(['load', 'merge']);
    const [load, merge] = pipeline.namespace('public.items').chunks;
    await pipeline.sink.writeData(pipeline.headOf(load!, 2), toParts(rows));
    const newer = [toTuple([int4(2), 'newer', null]), toTuple([int4(3), 'c', null])];
    await pipeline.sink.writeData(pipeline.headOf(merge!, 2), toParts(newer));
    expect(await dumpTable(target, 'items')).toEqual(['1\ta\t\\N', '2\tnewer\t\\N', '3\tc\t\\N']);
  });

  it('are merged when every lane has come to the instant that they show, and not before', async () => {
    await startWithChunks(['merge']);
    const plan = pipeline.namespace('public.items');
    const head = pipeline.headOf(plan.chunks[0]!, 2);
    plan.settled = toPosition(100n, 0n);
    await pipeline.start();
    for (const lane of [0, 1, 2]) {
      expect(await pipeline.sink.writeData(head, toParts(rows))).toBe('early');
      expect((await pipeline.sink.finishNamespaces()).get('public.items')).toBe(plan.settled);
      await pipeline.write(lane, {});
    }
    expect(await pipeline.sink.writeData(head, toParts(rows))).toBe('loaded');
    expect((await pipeline.sink.finishNamespaces()).get('public.items')).toBe(LAST_POSITION);
  });

  it('of a copy that starts again find an empty table, and old ones are wanted no more', async () => {
    await startWithChunks(['load', 'load']);
    const [old, stale] = [...pipeline.namespace('public.items').chunks];
    await pipeline.sink.writeData(pipeline.headOf(old!, 2), toParts(rows));
    const plan = pipeline.namespace('public.items');
    plan.state = 'restart';
    plan.chunks = [];
    const anew = pipeline.addChunk('public.items');
    await pipeline.start();
    expect(await dumpTable(target, 'items')).toEqual([]);
    expect(await pipeline.sink.writeData(pipeline.headOf(stale!, 2), toParts(rows))).toBe('unwanted'); // prettier-ignore
    expect(await pipeline.sink.writeData(pipeline.headOf(anew, 2), toParts(rows))).toBe('loaded');
    expect((await pipeline.sink.finishNamespaces()).get('public.items')).toBe(LAST_POSITION);
  });
});
