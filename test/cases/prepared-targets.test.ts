import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import { describe, expect, it } from 'vitest';
import { checkedPair } from '../support/checked-pair.ts';
import { dumpQuery } from '../support/psql.ts';
import { leaveOut, usePostgres, useTargetPostgres } from '../support/servers.ts';

const source = usePostgres();
const target = useTargetPostgres();

const COLUMNS = '(id int PRIMARY KEY, v int, w text)';
const TABLE = `CREATE TABLE t ${COLUMNS}`;
const RULE = 'CREATE RULE r AS ON';

/** More than are written by a statement each. */
const MANY = 2_000;

/** What somebody may have made of the table at the target before the first start, and since which server. */
const PREPARED: Record<string, string | [made: string, since: number]> = {
  'a rule for updates': `${TABLE}; ${RULE} UPDATE TO t DO ALSO NOTHING`,
  'a rule for updates that is disabled': `${TABLE}; ${RULE} UPDATE TO t DO INSTEAD NOTHING; ALTER TABLE t DISABLE RULE r`,
  'a rule for inserts': `${TABLE}; ${RULE} INSERT TO t DO ALSO SELECT 1`,
  'a rule for inserts that is disabled': `${TABLE}; ${RULE} INSERT TO t DO INSTEAD NOTHING; ALTER TABLE t DISABLE RULE r`,
  'a rule for deletes': `${TABLE}; ${RULE} DELETE TO t DO INSTEAD NOTHING`,
  'rules that replicas have': `${TABLE}; ${RULE} INSERT TO t DO ALSO NOTHING; ALTER TABLE t ENABLE REPLICA RULE r`,
  'a rule for updates that is always there': `${TABLE}; ${RULE} UPDATE TO t DO ALSO SELECT 1; ALTER TABLE t ENABLE ALWAYS RULE r`,
  'a rule for deletes that is always there': `${TABLE}; ${RULE} DELETE TO t DO ALSO SELECT 1; ALTER TABLE t ENABLE ALWAYS RULE r`,
  'a key that is deferrable': 'CREATE TABLE t (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v int, w text)',
  'a further unique column that is deferrable': 'CREATE TABLE t (id int PRIMARY KEY, v int UNIQUE DEFERRABLE, w text)',
  'a unique index on part of the rows': `${TABLE}; CREATE UNIQUE INDEX ON t (v) WHERE v > 5`,
  'a unique index on an expression': `${TABLE}; CREATE UNIQUE INDEX ON t (abs(v))`,
  'a unique index that takes NULL for a value': [`${TABLE}; CREATE UNIQUE INDEX ON t (v) NULLS NOT DISTINCT`, 15],
  'a unique index that is not valid': `${TABLE}; CREATE UNIQUE INDEX i ON t (w); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass`,
  'a key index that is not valid': `${TABLE}; UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_pkey'::regclass`,
  'an exclusion constraint': `${TABLE}; ALTER TABLE t ADD EXCLUDE USING btree (v WITH =)`,
  'a key that includes more': 'CREATE TABLE t (id int, v int, w text, PRIMARY KEY (id) INCLUDE (w))',
  'only a unique index as key': 'CREATE TABLE t (id int NOT NULL, v int, w text); CREATE UNIQUE INDEX ON t (id)',
  'a key on part of the rows': 'CREATE TABLE t (id int NOT NULL, v int, w text); CREATE UNIQUE INDEX ON t (id) WHERE id > 0',
  'partitions by the key': 'CREATE TABLE t (id int PRIMARY KEY, v int, w text) PARTITION BY HASH (id); CREATE TABLE t0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1)',
  'partitions with a rule of their own': `CREATE TABLE t (id int PRIMARY KEY, v int, w text) PARTITION BY RANGE (id); CREATE TABLE t0 PARTITION OF t DEFAULT; ${RULE} UPDATE TO t0 DO INSTEAD NOTHING`,
  'an identity that is always given': 'CREATE TABLE t (id int PRIMARY KEY, v int, w text); ALTER TABLE t ALTER v SET NOT NULL, ALTER v ADD GENERATED ALWAYS AS IDENTITY',
  'a column of a domain': "CREATE DOMAIN d AS text CHECK (value <> 'x'); CREATE TABLE t (id int PRIMARY KEY, v int, w d)",
  'a table without a log': 'CREATE UNLOGGED TABLE t (id int PRIMARY KEY, v int, w text)',
  'a table that inherits': `CREATE TABLE up ${COLUMNS}; CREATE TABLE t (PRIMARY KEY (id)) INHERITS (up)`,
  'a view': `CREATE TABLE u ${COLUMNS}; CREATE VIEW t AS SELECT * FROM u`,
  'a view with a trigger': `CREATE TABLE u ${COLUMNS}; CREATE VIEW t AS SELECT * FROM u; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER g INSTEAD OF INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()`,
  'a materialised view': `CREATE TABLE u ${COLUMNS}; CREATE MATERIALIZED VIEW t AS SELECT * FROM u`,
  'a foreign table': 'CREATE FOREIGN DATA WRAPPER n; CREATE SERVER s FOREIGN DATA WRAPPER n; CREATE FOREIGN TABLE t (id int NOT NULL, v int, w text) SERVER s',
  'a sequence of the name': 'CREATE SEQUENCE t',
  'a trigger that drops rows': `${TABLE}; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER g BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()`,
  'a table that others refer to': `${TABLE}; CREATE TABLE o (id int REFERENCES t ON DELETE CASCADE)`,
}; // prettier-ignore

/** Sets of rows by id, as text. */
type Rows = Map<number, string>;

const ROW = (id: number, v: string): [string, string, string] => [String(id), v, `w${v}`];

describe('a table that was prepared at the target', () => {
  it.each(Object.keys(PREPARED))(
    'is refused by check, or takes every kind of change: %s',
    async (name) => {
      const [made, since] = [PREPARED[name]!].flat() as [string, number?];
      if (since !== undefined && (await version()) < since)
        return void leaveOut(since, name, `from ${since} on`);
      const { pipeline, targetUrl, check } = await checkedPair(source, target, { atSource: TABLE, atTarget: made }); // prettier-ignore
      const errors = (await check()).filter((each) => each.startsWith('error'));
      if (errors.length > 0) {
        // A refusal names what is in the way and what to do.
        expect(errors.join('\n')).toMatch(/; .+/);
        return;
      }
      await pipeline.start();
      const rows: Rows = new Map();
      for (const many of [1, MANY]) {
        const ids = Array.from({ length: many }, (_, i) => i + 1);
        const next = (v: (id: number) => number): string[][] =>
          ids.map((id) => {
            const row = ROW(id, String(v(id)));
            rows.set(id, row.join(' '));
            return row;
          });
        await pipeline.write(0, { 'public.t': { upserts: next((id) => id) } });
        await pipeline.write(0, { 'public.t': { upserts: next((id) => id + MANY) } });
        const partial = ids.map((id) => [String(id), String(-id - 5 * MANY), undefined]);
        for (const id of ids) rows.set(id, [id, -id - 5 * MANY, `w${id + MANY}`].join(' '));
        await pipeline.write(0, { 'public.t': { partial } }, counted('updates', many));
        expect(await textOf(targetUrl), `${many} rows`).toEqual(sorted(rows));
        await pipeline.write(
          0,
          { 'public.t': { deletes: ids.map((id) => [String(id)]) } },
          counted('deletes', many),
        );
        rows.clear();
        expect(await textOf(targetUrl), `${many} deletes`).toEqual([]);
      }
    },
  );
});

/** So that what meets no row is counted, as it is where a pipeline runs. */
const counted = (kind: 'updates' | 'deletes', many: number): Record<string, ChangeCounts> => ({
  'public.t': { inserts: 0, updates: 0, deletes: 0, truncates: 0, [kind]: many },
});

async function version(): Promise<number> {
  return Math.floor(
    Number((await dumpQuery(target.url, "SELECT current_setting('server_version_num')"))[0]) /
      10_000,
  );
}

async function textOf(url: string): Promise<string[]> {
  const rows = await dumpQuery(url, "SELECT concat_ws(' ', id, v, w) FROM t");
  return rows.sort();
}

const sorted = (rows: Rows): string[] => [...rows.values()].sort();
