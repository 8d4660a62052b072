import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { quoteLog, runCommand } from './command.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * Unpacks the system's package `name` into `.weir/<name>` and does not install it: that needs no root, and starts no
 * service that nobody has asked for. Throws a SetupError that ends with `byHand` where that cannot be.
 * `apt`: options for another list of packages than that of the machine. `withMissing`: into the same folder also what the
 * package needs and this machine (or, with a list of its own, the folder) does not have.
 *
 * @param {string} root
 * @param {string} name
 * @param {string} byHand
 * @param {(line: string) => void} say
 * @param {{ withMissing?: boolean; apt?: readonly string[] }} more
 */
export async function unpackDebianPackage(
  root,
  name,
  byHand,
  say,
  { withMissing = false, apt = [] } = {},
) {
  if (!existsSync('/usr/bin/apt-get') || !existsSync('/usr/bin/dpkg-deb')) {
    throw new SetupError(`no ${name} found on this machine; ${byHand}.`);
  }
  say(`fetching the Debian package ${name} into .weir (apt-get download)`);
  const directory = path.join(root, '.weir', 'fetching');
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await download(directory, { name, withMissing, apt }, byHand, say);
  const unpacked = path.join(directory, name);
  for (const deb of (await readdir(directory)).filter((file) => file.endsWith('.deb'))) {
    const { ok, log } = await runCommand('dpkg-deb', ['-x', deb, unpacked], directory);
    if (!ok)
      throw new SetupError(`the package ${name} cannot be unpacked; ${byHand}.${quoteLog(log)}`);
  }
  const target = path.join(root, '.weir', name);
  await rm(target, { recursive: true, force: true });
  await rename(unpacked, target);
  await rm(directory, { recursive: true, force: true });
}

/**
 * @typedef {{ name: string; withMissing: boolean; apt: readonly string[] }} Wanted
 * @param {string} directory
 * @param {Wanted} wanted
 * @param {string} byHand
 * @param {(line: string) => void} say
 */
async function download(directory, wanted, byHand, say) {
  const first = await tryDownload(directory, wanted);
  if (first.ok) return;
  // No list of packages, or an old one.
  say('refreshing the list of packages (apt-get update)');
  const refresh = [...wanted.apt, 'update'];
  const update =
    process.getuid?.() === 0 || wanted.apt.length > 0
      ? await runCommand('apt-get', refresh, directory)
      : await runCommand('sudo', ['-n', 'apt-get', ...refresh], directory);
  const second = await tryDownload(directory, wanted);
  if (second.ok) return;
  const log = update.ok ? second.log : update.log;
  throw new SetupError(
    `no ${wanted.name} found, and its package cannot be fetched; ${byHand}. apt-get says:${quoteLog(log)}`,
  );
}

/**
 * @param {string} directory
 * @param {Wanted} wanted
 */
async function tryDownload(directory, { name, withMissing, apt }) {
  if (!withMissing) return runCommand('apt-get', [...apt, 'download', name], directory);
  // What an installation would fetch, one line a file: 'URL' FILE SIZE HASH.
  const plan = ['--print-uris', '-qq', '-y', '--no-install-recommends', 'install', name];
  const listed = await runCommand('apt-get', [...apt, ...plan], directory);
  if (!listed.ok) return listed;
  const names = [...listed.log.matchAll(/^'[^']*' ([^_\s]+)_/gm)].map((match) => match[1] ?? '');
  const wanted = names.includes(name) ? names : [...names, name];
  return runCommand('apt-get', [...apt, 'download', ...wanted], directory);
}
