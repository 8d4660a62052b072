import { describe, expect, it, onTestFinished } from 'vitest';
import { toWeirError } from '../../shared/errors/weir-error.ts';
import { advisedStatements } from '../hunt/play/advice.ts';
import { DirectPipeline } from '../support/direct-pipeline.ts';
import { dumpQueries } from '../support/psql.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';

const source = usePostgres();
const target = useTargetPostgres();

const SCHEMA = `CREATE TABLE top (id int PRIMARY KEY, v text, b int);
  CREATE TABLE ch (extra int, PRIMARY KEY (id)) INHERITS (top); CREATE TABLE a_ch (more int, PRIMARY KEY (id)) INHERITS (ch)`;
const ROWS = `INSERT INTO top SELECT i, 't', i FROM generate_series(1, 3) i; INSERT INTO ch SELECT i, 'c', i, i FROM generate_series(1, 4) i;
  INSERT INTO a_ch SELECT i, 'a', i, i, i FROM generate_series(1, 5) i`;

const MOST_STOPS = 6;

const CHANGES = [
  'ALTER TABLE top DROP COLUMN b',
  'ALTER TABLE top RENAME v TO w',
  'ALTER TABLE top ALTER b TYPE bigint',
  'ALTER TABLE top ALTER v TYPE text USING upper(v)',
  'ALTER TABLE top ADD n int NOT NULL DEFAULT 7',
  'ALTER TABLE top DROP COLUMN b, ADD b int DEFAULT 42',
  'ALTER TABLE top ADD g int GENERATED ALWAYS AS (b * 2) STORED',
  `ALTER TABLE top ALTER v TYPE text COLLATE "C"`,
  'ALTER TABLE top RENAME v TO x; ALTER TABLE top RENAME b TO v; ALTER TABLE top RENAME x TO b',
  'ALTER TABLE ch RENAME extra TO other',
  'ALTER TABLE ch NO INHERIT top; ALTER TABLE ch DROP COLUMN b',
];

const QUERIES = [
  `SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod), attcollation, attgenerated FROM pg_attribute
   JOIN pg_class c ON c.oid = attrelid AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace WHERE attnum > 0 AND NOT attisdropped`,
  ...['top', 'ONLY top', 'ch', 'ONLY ch', 'a_ch'].map(
    (table) =>
      `SELECT (SELECT jsonb_object_agg(key, value ORDER BY key) FROM jsonb_each(to_jsonb(t))) FROM ${table} t`,
  ),
];

describe('a change of structure of a table that others inherit from', () => {
  it.each(
    CHANGES.flatMap(
      (change) =>
        [
          [change, 'made by Weir'],
          [change, 'there before'],
        ] as const,
    ),
  )(
    // prettier-ignore
    'is followed or stops with what makes the target equal: %s, of tables %s',
    async (change, made) => {
      const urls = { source: await source.createDatabase(), target: await target.createDatabase() };
      await queryPostgres(urls.source, `${SCHEMA}; ${ROWS}`);
      if (made === 'there before') await queryPostgres(urls.target, SCHEMA);
      const pipeline = new DirectPipeline(urls.source, urls.target);
      onTestFinished(() => pipeline.close());
      await pipeline.start();
      await pipeline.catchUp();
      await queryPostgres(urls.source, `${change}; UPDATE ONLY ch SET id = id + 10; UPDATE ONLY top SET id = id + 10; UPDATE a_ch SET id = id + 10`); // prettier-ignore
      for (let stops = 0; ; stops++) {
        const error = await pipeline.catchUp().then(
          () => undefined,
          (thrown: unknown) => toWeirError(thrown),
        );
        if (error === undefined) break;
        expect(error.code, error.message).toBe('SCHEMA_CHANGED');
        expect(stops, error.message).toBeLessThan(MOST_STOPS);
        const statements = advisedStatements(error.message, / USING .*$/.exec(change)?.[0] ?? '');
        expect(statements, error.message).not.toEqual([]);
        await pipeline.stop();
        for (const statement of statements) await queryPostgres(urls.target, statement);
        await pipeline.start();
      }
      const [atTarget, atSource] = [await dumpQueries(urls.target, QUERIES), await dumpQueries(urls.source, QUERIES)]; // prettier-ignore
      expect(atTarget).toEqual(atSource);
    },
  );
});
