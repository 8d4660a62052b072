import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { ensureStateTables } from '../../services/connectors/postgres/sink/state/state-tables.ts';
import { connect, disconnect } from '../../services/connectors/postgres/connection/connection.ts';
import { COUNT_TABLES, COUNTED, STATE_TABLES } from '../../shared/state/records.ts';
import { queryPostgres, useTargetPostgres } from '../support/servers.ts';

const target = useTargetPostgres();

/** Columns that only PostgreSQL's own composition knows. */
const OWN: Readonly<Record<string, string[]>> = {
  pipeline: ['created_at'],
  namespace: ['target'],
};

const TYPES = {
  text: 'text',
  integer: 'integer',
  bigint: 'bigint',
  boolean: 'boolean',
  json: 'jsonb',
  position: 'text',
  bytes: 'bytea',
  instant: 'timestamp with time zone',
} as const;

const nameOf = (column: string): string =>
  column.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

async function makeTables(before?: string): Promise<string> {
  const url = await target.createDatabase();
  if (before !== undefined) await queryPostgres(url, before);
  const client = await connect(url, { applicationName: 'state tables' });
  await ensureStateTables(client);
  await disconnect(client);
  return url;
}

async function readColumns(url: string): Promise<Record<string, Record<string, string>>> {
  const rows = await queryPostgres(
    url,
    `SELECT table_name AS t, column_name AS c, data_type AS type FROM information_schema.columns
     WHERE table_schema = 'weir' ORDER BY 1, 2`,
  );
  const tables: Record<string, Record<string, string>> = {};
  for (const { t, c, type } of rows) (tables[t as string] ??= {})[c as string] = type as string;
  return tables;
}

async function readKeys(url: string): Promise<Record<string, string[]>> {
  const rows = await queryPostgres(
    url,
    `SELECT c.relname AS t, array_agg(a.attname::text ORDER BY a.attname) AS key
     FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
     WHERE i.indisprimary AND c.relnamespace = 'weir'::regnamespace GROUP BY 1`,
  );
  return Object.fromEntries(rows.map(({ t, key }) => [t as string, key as string[]]));
}

it('the tables of the state have the columns and keys that its records declare, and no others', async () => {
  const url = await makeTables();
  const [columns, keys] = [await readColumns(url), await readKeys(url)];
  for (const [table, declared] of Object.entries(STATE_TABLES)) {
    const ofPipeline = table === 'pipeline' ? 'name' : 'pipeline';
    const expected = Object.fromEntries(
      Object.entries(declared.columns).map(([column, type]) => [nameOf(column), TYPES[type]]),
    );
    const found = { ...columns[table] };
    for (const own of OWN[table] ?? []) {
      expect(found).toHaveProperty(own);
      delete found[own];
    }
    expect(found, table).toEqual({ ...expected, [ofPipeline]: 'text' });
    // The ids of parked entries are of no pipeline: one sequence gives them all.
    const key = table === 'parked' ? ['id'] : [ofPipeline, ...declared.key.map(nameOf)];
    expect(keys[table], table).toEqual(key.sort());
  }
  for (const table of COUNT_TABLES)
    expect(Object.keys(columns[table]!)).toEqual(
      [...COUNTED, 'lane', 'namespace', 'pipeline'].sort(),
    );
});

it('tables that an earlier version made become the same', async () => {
  const version1 = await readFile(new URL('stored-state/version-1.sql', import.meta.url), 'utf8');
  const url = await makeTables(version1);
  const made = await makeTables();
  expect(await readColumns(url)).toEqual(await readColumns(made));
  expect(await readKeys(url)).toEqual(await readKeys(made));
});
