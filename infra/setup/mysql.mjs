import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { importBuilt } from './built.mjs';
import { runCommand } from './command.mjs';
import { unpackDebianPackage } from './debian-package.mjs';
import { SetupError } from './setup-error.mjs';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * A MySQL for the tests of its connector, where one is to be had; they are skipped elsewhere, aloud. Debian has it in its
 * unstable release only, so everything that it needs comes with it, down to the C library, and nothing of the machine is used.
 *
 * @param {string} root
 * @param {(line: string) => void} say
 */
export async function provideMysql(root, say) {
  const { findMysql } = await importBuilt(root, 'infra/mysql/mysql-binaries');
  if (findMysql?.() !== undefined) return;
  const list = path.join(root, '.weir', 'apt-unstable');
  try {
    const apt = await unstableList(list);
    await unpackDebianPackage(root, 'mysql-server-core', 'install MySQL 8.0 or newer', say, {
      withMissing: true,
      apt,
    });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`no MySQL can be had here, so its tests are skipped: ${error.message}`);
  } finally {
    await rm(list, { recursive: true, force: true });
  }
}

/**
 * Options for a list of packages beside the machine's, from where the machine has its own.
 *
 * @param {string} directory
 */
async function unstableList(directory) {
  for (const each of ['lists/partial', 'cache/archives/partial'])
    await mkdir(path.join(directory, each), { recursive: true });
  const format = ['indextargets', '--format', '$(ORIGIN) $(LABEL) $(SITE)', 'Created-By: Packages'];
  const { log } = await runCommand('apt-get', format, directory);
  const site = /^Debian Debian (\S+)$/m.exec(log)?.[1];
  if (site === undefined) throw new SetupError('this machine has no packages of Debian.');
  await writeFile(path.join(directory, 'status'), '');
  await writeFile(
    path.join(directory, 'sources.list'),
    `deb [signed-by=${KEYRING}] ${site} unstable main\n`,
  );
  const options = {
    'Dir::Etc::sourcelist': path.join(directory, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State': directory,
    'Dir::State::status': path.join(directory, 'status'),
    'Dir::Cache': path.join(directory, 'cache'),
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
  };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}
