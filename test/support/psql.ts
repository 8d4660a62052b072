import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { requirePostgres } from '../../services/cli/embedded/postgres-binaries.ts';
import { findOnPath, isExecutable } from '../../services/cli/embedded/search-path.ts';
import { queryPostgres } from './servers.ts';

/**
 * Tables as text, written by the database itself: what equality between source and target is judged by, independent
 * of all code of Weir. Where the machine has no psql, the rows' own text output through the driver does the same.
 */
const SETTINGS = '-c extra_float_digits=3 -c timezone=UTC -c datestyle=ISO -c bytea_output=hex';
const MAX_DUMP_BYTES = 1024 ** 3;

/** The rows that a query gives, one line each, in the order of their text. */
export async function dumpQuery(url: string, query: string): Promise<string[]> {
  const psql = findPsql();
  const lines =
    psql === undefined
      ? await dumpByDriver(url, query)
      : toLines(await runPsql(psql, url, `COPY (${query}) TO STDOUT`));
  return lines.sort();
}

/** All rows of a table (its name as SQL writes it), one line each, in the order of their text. */
export async function dumpTable(url: string, table: string): Promise<string[]> {
  return dumpQuery(url, `SELECT * FROM ${table}`);
}

async function runPsql(psql: string, url: string, command: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    psql,
    ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--command', command, url],
    {
      maxBuffer: MAX_DUMP_BYTES,
      env: { ...process.env, PGOPTIONS: SETTINGS, PGCLIENTENCODING: 'UTF8' },
    },
  );
  return stdout;
}

async function dumpByDriver(url: string, query: string): Promise<string[]> {
  const withSettings = new URL(url);
  withSettings.searchParams.set('options', SETTINGS);
  const rows = await queryPostgres(withSettings.href, `SELECT r::text AS line FROM (${query}) r`);
  return rows.map((row) => String(row['line']));
}

function findPsql(): string | undefined {
  const beside = path.join(requirePostgres().directory, 'psql');
  return isExecutable(beside) ? beside : findOnPath('psql');
}

function toLines(text: string): string[] {
  return text.split('\n').slice(0, -1);
}
