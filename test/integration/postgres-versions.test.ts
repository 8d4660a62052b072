import { beforeAll, describe, expect, it } from 'vitest';
import { dumpQuery } from '../support/psql.ts';
import {
  leaveOut,
  majorVersion,
  queryPostgres,
  usePostgres,
  useTargetPostgres,
} from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { SourcePipeline } from '../support/source-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

/** What came with a version: a table, and changes of it that must be followed. */
interface Feature {
  since: number;
  table: string;
  schema: string;
  changes: string;
  /** A target before `since` can hold it all the same. */
  anywhere?: boolean;
}

const FEATURES: Feature[] = [
  {
    since: 14,
    table: 'multiranges',
    schema: `CREATE TYPE span AS RANGE (subtype = float8, multirange_type_name = spans);
      CREATE TABLE multiranges (id int PRIMARY KEY, v spans); INSERT INTO multiranges VALUES (1, '{[1,2),[3,4)}')`,
    changes: `INSERT INTO multiranges VALUES (2, '{}'); UPDATE multiranges SET v = '{[5,6)}' WHERE id = 1`,
  },
  {
    since: 14,
    table: 'own_range',
    schema: `CREATE TYPE reach AS RANGE (subtype = float8, multirange_type_name = reaches);
      CREATE TABLE own_range (id int PRIMARY KEY, v reach); INSERT INTO own_range VALUES (1, '[1,2)')`,
    changes: `UPDATE own_range SET v = '[5,6)'`,
    anywhere: true,
  },
  {
    since: 15,
    table: 'equal_nulls',
    schema: `CREATE TABLE equal_nulls (id int PRIMARY KEY, v int CONSTRAINT one_null UNIQUE NULLS NOT DISTINCT);
      INSERT INTO equal_nulls VALUES (1, NULL), (2, 2)`,
    changes: `UPDATE equal_nulls SET v = 1 WHERE id = 1; UPDATE equal_nulls SET v = NULL WHERE id = 2`,
  },
  {
    since: 15,
    table: 'coarse',
    schema: `CREATE TABLE coarse (id int PRIMARY KEY, v numeric(3,-2), w numeric(2,5)); INSERT INTO coarse VALUES (1, 12345, 0.00012)`,
    changes: `UPDATE coarse SET v = 98765, w = NULL`,
  },
  {
    since: 17,
    table: 'numbered',
    schema: `CREATE TABLE numbered (id int GENERATED ALWAYS AS IDENTITY, part int, v text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
      CREATE TABLE numbered_1 PARTITION OF numbered FOR VALUES IN (1); INSERT INTO numbered (part, v) VALUES (1, 'a'), (1, 'b')`,
    changes: `INSERT INTO numbered_1 (part, v) VALUES (1, 'c'); UPDATE numbered SET v = 'd' WHERE id = 1`,
    anywhere: true,
  },
  {
    since: 18,
    table: 'computed',
    schema: `CREATE TABLE computed (id int PRIMARY KEY, net int, gross int GENERATED ALWAYS AS (net * 2), kept int GENERATED ALWAYS AS (net * 3) STORED);
      INSERT INTO computed VALUES (1, 10), (2, NULL)`,
    changes: `UPDATE computed SET net = 11 WHERE id = 1; INSERT INTO computed VALUES (3, 30)`,
    anywhere: true,
  },
  {
    since: 18,
    table: 'booked',
    schema: `CREATE TABLE booked (room int4range, during daterange, guest text, PRIMARY KEY (room, during WITHOUT OVERLAPS));
      INSERT INTO booked SELECT int4range(i, i + 1), '[2024-01-01,2024-02-01)', 'guest ' || i FROM generate_series(1, 20) i`,
    // A range gives way to another row's.
    changes: `UPDATE booked SET during = '[2024-01-01,2024-01-10)', guest = 'left early' WHERE room @> 3;
      INSERT INTO booked VALUES ('[3,4)', '[2024-01-10,2024-02-01)', 'next'); DELETE FROM booked WHERE room @> 5;
      UPDATE booked SET guest = 'other' WHERE room @> 6`,
  },
  {
    since: 18,
    table: 'unenforced',
    schema: `CREATE TABLE unenforced (id int PRIMARY KEY, v int CONSTRAINT above CHECK (v > 0) NOT ENFORCED, parent int CONSTRAINT up REFERENCES unenforced NOT ENFORCED);
      INSERT INTO unenforced VALUES (1, -1, 77)`,
    changes: `INSERT INTO unenforced VALUES (2, -2, 78); UPDATE unenforced SET v = -3 WHERE id = 1`,
  },
  {
    since: 18,
    table: 'null_once',
    schema: `CREATE TABLE null_once (id int PRIMARY KEY, v int); INSERT INTO null_once VALUES (1, NULL);
      ALTER TABLE null_once ADD CONSTRAINT no_more NOT NULL v NOT VALID`,
    changes: `INSERT INTO null_once VALUES (2, 2)`,
    anywhere: true,
  },
  {
    since: 18,
    table: 'made_keys',
    schema: `CREATE TABLE made_keys (id uuid PRIMARY KEY DEFAULT uuidv7(), v text); INSERT INTO made_keys (v) VALUES ('a')`,
    changes: `INSERT INTO made_keys (v) VALUES ('b')`,
  },
];

describe('what came with a version', () => {
  let versions = { source: 0, target: 0 };
  let features: Feature[] = [];
  beforeAll(async () => {
    versions = { source: await majorVersion(source.url), target: await majorVersion(target.url) };
    features = FEATURES.filter(
      ({ since, table }) =>
        since <= versions.source || leaveOut(versions.source, table, `from ${since} on`),
    );
  });

  it('is refused by check, by name, where the target cannot have it, and carried where it can', async () => {
    const pipeline = await createPipeline(source, target);
    const statements = [
      'CREATE TABLE plain (id int PRIMARY KEY)',
      ...features.map((f) => f.schema),
    ];
    for (const sql of statements) await queryPostgres(pipeline.sourceUrl, sql);
    const { stdout } = await weir.run(['check', pipeline.file, '--json']);
    const { parts } = JSON.parse(stdout) as {
      parts: { findings: { level: string; subject: string }[] }[];
    };
    const refused = parts
      .flatMap(({ findings }) => findings)
      .filter(({ level }) => level === 'error')
      .map(({ subject }) => subject);
    const unfit = features.filter((f) => versions.target < f.since && f.anywhere !== true);
    expect([...new Set(refused)].sort(), stdout).toEqual(
      unfit.map(({ table }) => `public.${table}`).sort(),
    );
    expect(await dumpQuery(pipeline.targetUrl, 'SELECT tablename FROM pg_tables WHERE schemaname = \'public\'')).toEqual([]); // prettier-ignore

    for (const { table } of unfit) await queryPostgres(pipeline.sourceUrl, `DROP TABLE ${table}`);
    const carried = features.filter((feature) => !unfit.includes(feature));
    const equal = async (): Promise<void> => {
      const run = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
      expect(run.code, run.stderr).toBe(0);
      expect(run.stderr).not.toMatch(/foreign key left out/);
      for (const { table } of carried) {
        const query = `SELECT * FROM ${table}`;
        const held = await dumpQuery(pipeline.sourceUrl, query);
        expect(await dumpQuery(pipeline.targetUrl, query), table).toEqual(held);
      }
    };
    await equal();
    for (const { changes } of carried) await queryPostgres(pipeline.sourceUrl, changes);
    await equal();
    const verified = await weir.run(['verify', pipeline.file]);
    expect(verified.code, verified.stdout).toBe(0);
    const constraints = `SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
      WHERE conrelid > 0 AND connamespace = 'public'::regnamespace AND contype <> 'n'`;
    expect(await dumpQuery(pipeline.targetUrl, constraints)).toEqual(
      await dumpQuery(pipeline.sourceUrl, constraints),
    );
  });
});

describe('a replication slot', () => {
  const ways = [
    {
      since: 13,
      what: 'for the room that it takes',
      settings: `ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'`,
    },
    {
      since: 18,
      what: 'for being idle',
      settings: `ALTER SYSTEM SET idle_replication_slot_timeout = '1s'`,
    },
  ];

  it('that the server has given up is told as a lost position, with what to do', async () => {
    const version = await majorVersion(source.url);
    for (const { since, what, settings } of ways) {
      if (since > version && !leaveOut(version, `a slot given up ${what}`, `from ${since} on`))
        continue;
      const url = await source.createDatabase();
      await queryPostgres(url, 'CREATE TABLE t (id int PRIMARY KEY, v text)');
      const pipeline = new SourcePipeline(url);
      await pipeline.open();
      await pipeline.stop();
      await queryPostgres(url, settings);
      await queryPostgres(url, 'SELECT pg_reload_conf()');
      try {
        const lost = `SELECT wal_status = 'lost' AS lost FROM pg_replication_slots WHERE database = current_database()`;
        await waitFor('the slot to be given up', async () => {
          await queryPostgres(url, `INSERT INTO t SELECT i, repeat('x', 900) FROM generate_series(1, 20000) i; TRUNCATE t`); // prettier-ignore
          await queryPostgres(url, 'SELECT pg_switch_wal(); CHECKPOINT');
          return (await queryPostgres(url, lost))[0]?.['lost'] === true;
        });
        await expect(pipeline.open(), what).rejects.toMatchObject({ code: 'POSITION_LOST' });
        await expect(pipeline.open()).rejects.toThrow(/weir reset/);
      } finally {
        await queryPostgres(url, settings.replace(/SET (\w+).*/, 'RESET $1'));
        await queryPostgres(url, 'SELECT pg_reload_conf()');
        await pipeline.close();
      }
    }
  });
});

describe('a copy', () => {
  it('outlives the time that the server gives a transaction', async () => {
    const version = await majorVersion(source.url);
    const url = await source.createDatabase();
    const limits = ['statement_timeout', 'idle_in_transaction_session_timeout'];
    if (version >= 14 || leaveOut(version, 'idle_session_timeout', 'from 14 on'))
      limits.push('idle_session_timeout');
    if (version >= 17 || leaveOut(version, 'transaction_timeout', 'from 17 on'))
      limits.push('transaction_timeout');
    const database = new URL(url).pathname.slice(1);
    await queryPostgres(url, 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)');
    for (const name of limits)
      await queryPostgres(source.url, `ALTER DATABASE ${database} SET ${name} = 700`);
    const pipeline = new SourcePipeline(url);
    await pipeline.open();
    const began = Date.now();
    await waitFor('twice the time to pass', () => Date.now() - began > 1_400);
    await pipeline.copy();
    expect(pipeline.model.rows('public.t')).toHaveLength(2);
    await pipeline.close();
  });
});
