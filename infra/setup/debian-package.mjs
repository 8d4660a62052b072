import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { quoteLog, runCommand } from './command.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * Unpacks the system's package `name` into `.weir/<name>` and does not install it: that needs no root, and starts no
 * service that nobody has asked for. Throws a SetupError that ends with `byHand` where that cannot be.
 *
 * @param {string} root
 * @param {string} name
 * @param {string} byHand
 * @param {(line: string) => void} say
 */
export async function unpackDebianPackage(root, name, byHand, say) {
  if (!existsSync('/usr/bin/apt-get') || !existsSync('/usr/bin/dpkg-deb')) {
    throw new SetupError(`no ${name} found on this machine; ${byHand}.`);
  }
  say(`fetching the Debian package ${name} into .weir (apt-get download)`);
  const directory = path.join(root, '.weir', 'fetching');
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await download(directory, name, byHand, say);
  const unpacked = path.join(directory, name);
  const [deb = ''] = (await readdir(directory)).filter((file) => file.endsWith('.deb'));
  const { ok, log } = await runCommand('dpkg-deb', ['-x', deb, unpacked], directory);
  if (!ok)
    throw new SetupError(`the package ${name} cannot be unpacked; ${byHand}.${quoteLog(log)}`);
  const target = path.join(root, '.weir', name);
  await rm(target, { recursive: true, force: true });
  await rename(unpacked, target);
  await rm(directory, { recursive: true, force: true });
}

/**
 * @param {string} directory
 * @param {string} name
 * @param {string} byHand
 * @param {(line: string) => void} say
 */
async function download(directory, name, byHand, say) {
  const first = await runCommand('apt-get', ['download', name], directory);
  if (first.ok) return;
  // No list of packages, or an old one.
  say('refreshing the list of packages (apt-get update)');
  const update =
    process.getuid?.() === 0
      ? await runCommand('apt-get', ['update'], directory)
      : await runCommand('sudo', ['-n', 'apt-get', 'update'], directory);
  const second = await runCommand('apt-get', ['download', name], directory);
  if (second.ok) return;
  const log = update.ok ? second.log : update.log;
  throw new SetupError(
    `no ${name} found, and its package cannot be fetched; ${byHand}. apt-get says:${quoteLog(log)}`,
  );
}
