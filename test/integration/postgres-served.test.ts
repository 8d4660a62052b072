import { BSON } from 'bson';
import { expect, it } from 'vitest';
import { dumpTable } from '../support/psql.ts';
import { queryPostgres } from '../support/servers.ts';
import { useServedRelay } from '../support/served-relay.ts';
import { waitFor } from '../support/wait-for.ts';

const createRelay = useServedRelay();

const SHAPES = `
  CREATE TABLE pair (b bigint, a text, note text, big text, PRIMARY KEY (b, a));
  ALTER TABLE pair ALTER big SET STORAGE EXTERNAL;
  CREATE TABLE part (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
  CREATE TABLE part_old PARTITION OF part FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
  CREATE TABLE part_new PARTITION OF part FOR VALUES FROM ('2021-01-01') TO ('2030-01-01');
  CREATE TABLE made (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int UNIQUE, twice int GENERATED ALWAYS AS (n * 2) STORED);
  CREATE TABLE many (id int PRIMARY KEY, filler text);
  CREATE TABLE keyless (v text)`;
const NAMES = ['pair', 'part', 'made', 'many'];

it('served: whole rows come of keys of several columns, of partitions, changed keys and unchanged large values, also after a restart, and StreamLSN counts them', async () => {
  const { relay, sourceUrl, targetUrl } = await createRelay();
  await queryPostgres(sourceUrl, SHAPES);
  await queryPostgres(targetUrl, SHAPES);
  await queryPostgres(
    sourceUrl,
    `INSERT INTO pair SELECT i, 'k' || i, 'note', repeat(md5(i::text), 500) FROM generate_series(1, 20) i;
     INSERT INTO part SELECT i, date '2020-06-01' + i * 20 FROM generate_series(1, 40) i;
     INSERT INTO made (n) SELECT i FROM generate_series(1, 50) i;
     INSERT INTO many SELECT i, repeat('x', 500) FROM generate_series(1, 20000) i;
     INSERT INTO keyless VALUES ('left out')`,
  );
  relay.retries = 1;
  const plan = await relay.plan();
  const counted = relay.count();
  expect(new Set(plan.partitions.map(({ namespace }) => namespace))).toEqual(
    new Set(NAMES.map((name) => `public.${name}`)),
  );
  // Between plan and copy: what pages show is newer than where the changes begin.
  await queryPostgres(
    sourceUrl,
    `UPDATE pair SET note = 'early' WHERE b < 5; DELETE FROM made WHERE n > 40; TRUNCATE part_old`,
  );
  await queryPostgres(sourceUrl, 'DELETE FROM many WHERE id % 7 = 0');
  await relay.copy(plan);
  // 10 MB in pages of about 1 MiB.
  expect(relay.pages).toBeGreaterThan(10);
  relay.follow();
  await queryPostgres(
    sourceUrl,
    `UPDATE pair SET note = 'only the note' WHERE b % 2 = 0;
     UPDATE pair SET b = b + 100 WHERE b > 15;
     UPDATE part SET day = '2021-01-15' WHERE id < 3;
     UPDATE made SET n = n + 1000;
     DELETE FROM pair WHERE b = 1; UPDATE pair SET note = 'going' WHERE b = 3; DELETE FROM pair WHERE b = 3`,
  );
  await relay.sees('public.made');
  await relay.stop();
  await queryPostgres(
    sourceUrl,
    `INSERT INTO pair VALUES (1, 'k1', NULL, ''); ALTER TABLE many ADD more int; UPDATE many SET more = id WHERE id < 10`,
  );
  await queryPostgres(targetUrl, 'ALTER TABLE many ADD more int');
  const before = relay.messages.length;
  relay.follow();
  await relay.until('changes made meanwhile', () =>
    relay.messages.slice(before).some(({ namespace }) => namespace === 'public.many'),
  );
  await relay.idle();
  for (const name of NAMES)
    expect(await dumpTable(targetUrl, name), name).toEqual(await dumpTable(sourceUrl, name));
  const given = relay.messages.reduce((sum, { updates }) => sum + updates.length, 0);
  expect(given).toBeGreaterThan(2_900);
  await waitFor('StreamLSN has counted as many', () => counted.last() === given);

  await queryPostgres(sourceUrl, 'TRUNCATE many');
  const truncated = /FAILED_PRECONDITION: public\.many was truncated at the source/;
  expect(String(await relay.ended())).toMatch(truncated);
  // A program that waits for both ends, too.
  expect(String(await counted.ended)).toMatch(truncated);
});

it('served: a namespace that is empty when the plan is made has a partition, so that what comes into it later is followed', async () => {
  const { relay, sourceUrl, targetUrl } = await createRelay();
  const tables = `CREATE TABLE filled (id int PRIMARY KEY); CREATE TABLE bare (id int PRIMARY KEY);
    CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE later (id int PRIMARY KEY)`;
  for (const url of [sourceUrl, targetUrl]) await queryPostgres(url, tables);
  await queryPostgres(sourceUrl, 'INSERT INTO filled VALUES (1)');
  const plan = await relay.plan();
  // What a program follows is what has a partition, as the engine of dsync does.
  const followed = [...new Set(plan.partitions.map(({ namespace }) => namespace))];
  expect(followed.sort()).toEqual([
    'public.bare',
    'public.filled',
    'public.later',
    'public.parted',
  ]);
  await queryPostgres(sourceUrl, 'INSERT INTO bare VALUES (1)');
  await relay.copy(plan);
  relay.follow(followed);
  for (const url of [sourceUrl, targetUrl])
    await queryPostgres(url, 'CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (10)');
  await queryPostgres(
    sourceUrl,
    'BEGIN; INSERT INTO bare VALUES (2); INSERT INTO later VALUES (1); INSERT INTO parted VALUES (1); COMMIT',
  );
  await relay.sees('public.parted');
  for (const table of ['filled', 'bare', 'later', 'parted'])
    expect(await dumpTable(targetUrl, table), table).toEqual(await dumpTable(sourceUrl, table));
  // Those that were sent before the end of their transaction came, too: all have its time.
  const times = relay.messages
    .filter(({ updates }) => updates.length > 0)
    .slice(-3)
    .map(({ time }) => JSON.stringify(time));
  expect(times).toEqual([times[2], times[2], expect.stringContaining('seconds')]);
});

it('served: the log is held back up to where the reader came back, and a plan made meanwhile changes nothing of that', async () => {
  const { relay, sourceUrl, targetUrl } = await createRelay();
  for (const url of [sourceUrl, targetUrl])
    await queryPostgres(url, 'CREATE TABLE t (id int PRIMARY KEY)');
  const confirmed = async (): Promise<unknown> =>
    (
      await queryPostgres(
        sourceUrl,
        'SELECT confirmed_flush_lsn AS at FROM pg_replication_slots WHERE database = current_database()',
      )
    )[0];
  await relay.plan();
  const first = await confirmed();
  relay.follow();
  await queryPostgres(sourceUrl, 'INSERT INTO t VALUES (1)');
  await relay.sees('public.t');
  expect(await confirmed()).toEqual(first);
  const { cursor } = relay;
  await relay.plan();
  expect(await confirmed()).toEqual(first);
  relay.cursor = cursor;
  await relay.stop();
  relay.follow();
  await waitFor('the slot to move', async () => {
    if (relay.failure !== undefined) return true;
    return JSON.stringify(await confirmed()) !== JSON.stringify(first);
  });
  expect(relay.failure).toBeUndefined();
  expect(await dumpTable(targetUrl, 't')).toEqual(['1']);
});

it('served: the log is given up while a reader stays, behind what it was given long enough ago', async () => {
  const { relay, sourceUrl, targetUrl } = await createRelay({ confirmAfterMs: 300 });
  for (const url of [sourceUrl, targetUrl])
    await queryPostgres(url, 'CREATE TABLE t (id int PRIMARY KEY)');
  await relay.plan();
  relay.follow();
  await queryPostgres(sourceUrl, 'INSERT INTO t SELECT generate_series(1, 1000)');
  const [end] = await queryPostgres(sourceUrl, 'SELECT pg_current_wal_lsn()::text AS at');
  await waitFor('the slot to move behind them', async () => {
    const [slot] = await queryPostgres(
      sourceUrl,
      'SELECT confirmed_flush_lsn >= $1 AS is FROM pg_replication_slots WHERE database = current_database()',
      [end!['at']],
    );
    return slot?.['is'] === true;
  });
  expect(await dumpTable(targetUrl, 't')).toHaveLength(1000);
});

it('served: a plan that is made while nobody reads begins at the end of the log, and brings nothing of before', async () => {
  const { relay, sourceUrl, targetUrl } = await createRelay();
  for (const url of [sourceUrl, targetUrl])
    await queryPostgres(url, 'CREATE TABLE t (id int PRIMARY KEY)');
  await relay.plan();
  await queryPostgres(
    sourceUrl,
    'INSERT INTO t SELECT generate_series(1, 1000); DELETE FROM t WHERE id > 10',
  );
  const counted = relay.count();
  await waitFor('the count', () => counted.last() === 1990);
  const startOf = async (): Promise<string> => {
    await relay.plan();
    return (JSON.parse(relay.cursor.toString()) as { position: string }).position;
  };
  // Who only counts is about to read, as the engine of dsync does while it copies.
  const first = await startOf();
  expect(await startOf()).toBe(first);
  relay.stopCounting();
  await waitFor('a plan that begins anew', async () => (await startOf()) > first);
  relay.follow();
  await queryPostgres(sourceUrl, 'INSERT INTO t VALUES (2000)');
  await relay.sees('public.t');
  expect(relay.messages.flatMap(({ updates }) => updates)).toHaveLength(1);
});

it('served: documents and ids that do not fit are refused by name, and nothing of their batch is kept', async () => {
  const { relay, targetUrl } = await createRelay();
  await queryPostgres(
    targetUrl,
    'CREATE TABLE t (id int PRIMARY KEY, v varchar(3), n numeric(4,1) CHECK (n < 100)); CREATE TABLE keyless (v text)',
  );
  const type = 'DATA_TYPE_MONGO_BSON';
  const write = (...documents: object[]): Promise<unknown> =>
    relay.sink
      .call('WriteData', {
        namespace: 'public.t',
        data: documents.map((each) => BSON.serialize(each)),
        type,
      })
      .catch((error: Error) => error.message);
  const good = { _id: 1, id: 1, v: 'abc', n: 1.5 };
  expect(await write(good, { ...good, _id: 2, id: 2, v: 5 })).toMatch(
    /INVALID_ARGUMENT: the field v .* BSON int32.*public\.t/,
  );
  expect(await write(good, { ...good, _id: 2, id: 2, extra: 1 })).toMatch(/the field extra/);
  expect(await write(good, { ...good, _id: 2, id: 2, n: 0.25 })).toMatch(/without loss/);
  expect(await write(good, { ...good, _id: 2, id: 2, n: 500 })).toMatch(/INVALID_ARGUMENT/);
  expect(await write(good, { ...good, _id: 2, id: 2, v: 'longer' })).toMatch(
    /INVALID_ARGUMENT: the field v .*more than 3 characters/,
  );
  expect(await dumpTable(targetUrl, 't')).toEqual([]);
  expect(await write(good, { ...good, v: 'x' })).toEqual({});
  expect(await write()).toEqual({});
  expect(await dumpTable(targetUrl, 't')).toEqual(['1\tx\t1.5']);
  const one = { name: '', type: 16, data: Buffer.from([1, 0, 0, 0]) };
  const update = (more: object): Promise<unknown> =>
    relay.sink
      .call('WriteUpdates', { namespace: 'public.t', type, updates: [{ id: [one], ...more }] })
      .catch((error: Error) => error.message);
  const partial = { type: 'UPDATE_TYPE_PARTIAL_UPDATE', partial_update_unset: ['v'] };
  expect(await update({ ...partial, data: BSON.serialize({ n: 2 }) })).toEqual({});
  expect(await dumpTable(targetUrl, 't')).toEqual(['1\t\\N\t2.0']);
  expect(
    await update({ type: 'UPDATE_TYPE_UPDATE', data: BSON.serialize({ ...good, id: 3, _id: 3 }) }),
  ).toMatch(/_id and the field id/);
  expect(await update({ type: 'UPDATE_TYPE_DELETE' })).toEqual({});
  expect(await update({ type: 'UPDATE_TYPE_DELETE' })).toEqual({});
  expect(await dumpTable(targetUrl, 't')).toEqual([]);
  const elsewhere = relay.sink.call('WriteData', { namespace: 'public.none', data: [], type });
  await expect(elsewhere).rejects.toThrow(/NOT_FOUND/);
  const keyless = relay.sink.call('WriteData', { namespace: 'public.keyless', data: [], type });
  await expect(keyless).rejects.toThrow(/has no key/);
});

it('served: what a document says nothing of is NULL, or the default where it must not be, or refused where there is none', async () => {
  const { relay, targetUrl } = await createRelay();
  await queryPostgres(
    targetUrl,
    `CREATE TABLE t (id int PRIMARY KEY, plain text DEFAULT 'not taken', made text NOT NULL DEFAULT 'm' || 1,
       numbered bigint NOT NULL GENERATED ALWAYS AS IDENTITY, needed int NOT NULL)`,
  );
  const type = 'DATA_TYPE_MONGO_BSON';
  const namespace = 'public.t';
  const write = (...documents: object[]): Promise<unknown> =>
    relay.sink
      .call('WriteData', { namespace, data: documents.map((each) => BSON.serialize(each)), type })
      .catch((error: Error) => error.message);
  expect(await write({ _id: 1, needed: 1 }, { _id: 2, needed: 2, made: 'x' })).toEqual({});
  expect(await dumpTable(targetUrl, 't')).toEqual(['1\t\\N\tm1\t1\t1', '2\t\\N\tx\t2\t2']);
  expect(await write({ _id: 3 })).toMatch(/INVALID_ARGUMENT: .*no field needed.*public\.t/);
  // A document that comes again replaces all of its row; one that brings a part leaves the rest.
  const id = [{ name: '_id', type: 16, data: Buffer.from([1, 0, 0, 0]) }];
  const updates = [
    {
      id,
      type: 'UPDATE_TYPE_UPDATE',
      data: BSON.serialize({ _id: 1, plain: 'p', needed: 5, numbered: 9 }),
    },
    { id, type: 'UPDATE_TYPE_PARTIAL_UPDATE', data: BSON.serialize({ needed: 6 }) },
  ];
  await relay.sink.call('WriteUpdates', { namespace, updates, type });
  expect((await dumpTable(targetUrl, 't'))[0]).toBe('1\tp\tm1\t9\t6');
});
