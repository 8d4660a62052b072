import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { findOnPath } from '../../../services/supervisor/embedded/search-path.ts';
import type { Bench, Measurement } from '../bench.ts';
import { measureProgram } from './measure-program.ts';

/** Null where it is not on the PATH (Debian has it as "pgcopydb"; it calls pg_dump and pg_restore). */
export function findPgcopydb(): string | null {
  return findOnPath('pgcopydb') ?? null;
}

/**
 * Clones a database into an empty one, tables, rows and then keys, with two processes for tables and large tables cut,
 * as Weir has two readers.
 */
export async function cloneByPgcopydb(
  bench: Bench,
  sourceUrl: string,
  targetUrl: string,
  signal: AbortSignal,
): Promise<Measurement> {
  const directory = await mkdtemp(path.join(bench.directory, 'pgcopydb-'));
  try {
    const args = [
      'clone',
      ...['--source', sourceUrl, '--target', targetUrl, '--dir', directory],
      ...['--table-jobs', '2', '--index-jobs', '2', '--split-tables-larger-than', '50MB'],
      ...['--no-owner', '--no-comments', '--skip-extensions', '--not-consistent', '--restart'],
    ];
    const program = { name: 'pgcopydb', command: findPgcopydb()!, args };
    return await measureProgram(program, bench.servers, signal);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
