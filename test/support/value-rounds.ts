import { expect } from 'vitest';
import { VALUE_TABLES, type ValueTable } from '../integration/value-tables.ts';
import { dumpQueries } from './psql.ts';
import { leaveOut, majorVersion, queryPostgres } from './servers.ts';

/** One row for each value; `offset` keeps the keys of a second round apart. */
function insertRows({ name, type, values }: ValueTable, offset: number): string {
  return values
    .map((value, i) => `INSERT INTO ${name} (id, v) VALUES (${offset + i}, (${value})::${type});`)
    .join('\n');
}

/** Every row takes the value of the next one, the last that of the first. */
function rotateValues({ name, values }: ValueTable): string {
  return `UPDATE ${name} t SET v = o.v FROM (SELECT id, v FROM ${name}) o
    WHERE t.id < 1000 AND o.id = (t.id + 1) % ${values.length}`;
}

/** The tables that both servers can have; says what is left out, and why. */
export async function availableValueTables(
  sourceUrl: string,
  targetUrl: string,
): Promise<ValueTable[]> {
  const version = Math.min(await majorVersion(sourceUrl), await majorVersion(targetUrl));
  const extensions = await Promise.all(
    [sourceUrl, targetUrl].map((url) =>
      queryPostgres(url, 'SELECT name FROM pg_available_extensions'),
    ),
  );
  const has = (name: string): boolean =>
    extensions.every((rows) => rows.some((row) => row['name'] === name));
  return VALUE_TABLES.filter(({ name, since, extension }) => {
    if ((since ?? 0) > version) return leaveOut(version, name, `from ${since} on`);
    if (extension !== undefined && !has(extension))
      return leaveOut(version, name, `no extension ${extension}`);
    return true;
  });
}

export async function createValueTables(url: string, tables: readonly ValueTable[]): Promise<void> {
  for (const table of tables) {
    const { name, extension, types = '', type } = table;
    const made = extension === undefined ? '' : `CREATE EXTENSION IF NOT EXISTS ${extension}`;
    await queryPostgres(
      url,
      `${made}; ${types}; CREATE TABLE ${name} (id integer PRIMARY KEY, v ${type}); ${insertRows(table, 0)}`,
    );
  }
}

/** The same values inserted once more, updated and deleted. */
export async function changeValues(url: string, tables: readonly ValueTable[]): Promise<void> {
  for (const table of tables)
    await queryPostgres(
      url,
      `${insertRows(table, 1_000)}; ${rotateValues(table)}; DELETE FROM ${table.name} WHERE id = 1000`,
    );
}

export async function expectValuesEqual(
  { sourceUrl, targetUrl }: { sourceUrl: string; targetUrl: string },
  tables: readonly ValueTable[],
): Promise<void> {
  const queries = tables.map(({ name }) => `SELECT id, v FROM ${name}`);
  const [left, right] = await Promise.all([
    dumpQueries(sourceUrl, queries),
    dumpQueries(targetUrl, queries),
  ]);
  for (const [i, { name }] of tables.entries()) {
    expect(right[i], name).toEqual(left[i]);
    expect(left[i]!.length, name).toBeGreaterThan(1);
  }
}
