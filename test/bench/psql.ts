import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { requirePostgres } from '../../infra/postgres/postgres-binaries.ts';
import { findOnPath, isExecutable } from '../../services/supervisor/embedded/search-path.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';

/** The client that comes with PostgreSQL: what the copy baseline is made of, and who dumps tables to compare them. */
export function requirePsql(): string {
  const psql = findPostgresTool('psql');
  if (psql !== null) return psql;
  throw new WeirError(
    'ENVIRONMENT_MISSING',
    'no psql found on this machine, which the baselines need; install the package "postgresql-client".',
  );
}

/** A program of the servers' own version, else one on the PATH; null where there is neither. */
export function findPostgresTool(name: string): string | null {
  const beside = path.join(requirePostgres().directory, name);
  return isExecutable(beside) ? beside : (findOnPath(name) ?? null);
}

/** Options for a psql that runs one statement; every value prints the same at both ends. */
export const PSQL_OPTIONS: readonly string[] = ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1'];

export const PSQL_ENVIRONMENT: Readonly<Record<string, string>> = {
  PGOPTIONS: '-c extra_float_digits=3 -c timezone=UTC -c datestyle=ISO -c bytea_output=hex',
  PGCLIENTENCODING: 'UTF8',
};

/** Starts psql with statements, its output to a pipe. */
export function spawnPsql(
  url: string,
  statements: readonly string[],
  signal: AbortSignal,
): ChildProcess {
  const commands = statements.flatMap((sql) => ['--command', sql]);
  return spawn(requirePsql(), [...PSQL_OPTIONS, ...commands, url], {
    env: { ...process.env, ...PSQL_ENVIRONMENT },
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
  });
}
