import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import { requirePostgres } from '../../infra/postgres/postgres-binaries.ts';
import { findOnPath, isExecutable } from '../../services/supervisor/embedded/search-path.ts';
import { queryPostgres } from './servers.ts';

/**
 * Tables as text, written by the database itself: what equality between source and target is judged by, independent
 * of all code of Weir. Where the machine has no psql, the rows' own text output through the driver does the same.
 */
const SETTINGS = '-c extra_float_digits=3 -c timezone=UTC -c datestyle=ISO -c bytea_output=hex';
const MAX_DUMP_BYTES = 1024 ** 3;

/** The rows that a query gives, one line each, in the order of their text. */
export async function dumpQuery(url: string, query: string): Promise<string[]> {
  return (await dumpQueries(url, [query]))[0]!;
}

/** All rows of a table (its name as SQL writes it), one line each, in the order of their text. */
export async function dumpTable(url: string, table: string): Promise<string[]> {
  return dumpQuery(url, `SELECT * FROM ${table}`);
}

export async function dumpTables(url: string, tables: readonly string[]): Promise<string[][]> {
  return dumpQueries(
    url,
    tables.map((table) => `SELECT * FROM ${table}`),
  );
}

/** The same of several queries, in one session. */
export async function dumpQueries(url: string, queries: readonly string[]): Promise<string[][]> {
  const psql = findPsql();
  const dumps = await (psql === undefined
    ? dumpByDriver(url, queries)
    : dumpByPsql(psql, url, queries));
  return dumps.map((lines) => lines.sort());
}

async function dumpByPsql(
  psql: string,
  url: string,
  queries: readonly string[],
): Promise<string[][]> {
  const end = `end of ${randomUUID()}`;
  const commands = queries.flatMap((query) => [
    '--command',
    `COPY (${query}) TO STDOUT`,
    '--command',
    `\\echo '${end}'`,
  ]);
  const { stdout } = await promisify(execFile)(
    psql,
    ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', ...commands, url],
    {
      maxBuffer: MAX_DUMP_BYTES,
      env: { ...process.env, PGOPTIONS: SETTINGS, PGCLIENTENCODING: 'UTF8' },
    },
  );
  return stdout
    .split(`${end}\n`)
    .slice(0, -1)
    .map((text) => text.split('\n').slice(0, -1));
}

async function dumpByDriver(url: string, queries: readonly string[]): Promise<string[][]> {
  const withSettings = new URL(url);
  withSettings.searchParams.set('options', SETTINGS);
  const dumps: string[][] = [];
  for (const query of queries) {
    const rows = await queryPostgres(withSettings.href, `SELECT r::text AS line FROM (${query}) r`);
    dumps.push(rows.map((row) => String(row['line'])));
  }
  return dumps;
}

function findPsql(): string | undefined {
  const beside = path.join(requirePostgres().directory, 'psql');
  return isExecutable(beside) ? beside : findOnPath('psql');
}
