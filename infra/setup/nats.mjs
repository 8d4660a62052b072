import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { importBuilt } from './built.mjs';
import { quoteLog, runCommand } from './command.mjs';
import { SetupError } from './setup-error.mjs';

const BY_HAND =
  'install nats-server 2.9 or newer, or name the binary in WEIR_NATS_SERVER, or a running server in WEIR_NATS_URL';

/**
 * Makes sure that there is a nats-server, unless a running one is named. The system's package is unpacked into .weir
 * and not installed: that needs no root, and starts no service that nobody has asked for.
 *
 * @param {string} root
 * @param {(line: string) => void} say
 */
export async function provideNats(root, say) {
  if ((process.env['WEIR_NATS_URL'] ?? '') !== '') return;
  const { findNatsServer } = await importBuilt(root, 'nats-binary');
  if (findNatsServer?.() !== undefined) return;
  if (!existsSync('/usr/bin/apt-get') || !existsSync('/usr/bin/dpkg-deb')) {
    throw new SetupError(`no nats-server found on this machine; ${BY_HAND}.`);
  }
  say('fetching the Debian package nats-server into .weir (apt-get download)');
  const directory = path.join(root, '.weir', 'fetching');
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await download(directory, say);
  const unpacked = path.join(directory, 'nats-server');
  const [deb = ''] = (await readdir(directory)).filter((name) => name.endsWith('.deb'));
  const { ok, log } = await runCommand('dpkg-deb', ['-x', deb, unpacked], directory);
  if (!ok)
    throw new SetupError(`the package nats-server cannot be unpacked; ${BY_HAND}.${quoteLog(log)}`);
  const target = path.join(root, '.weir', 'nats-server');
  await rm(target, { recursive: true, force: true });
  await rename(unpacked, target);
  await rm(directory, { recursive: true, force: true });
  if (findNatsServer?.() === undefined) {
    throw new SetupError(`the package nats-server holds no program for this machine; ${BY_HAND}.`);
  }
}

/**
 * @param {string} directory
 * @param {(line: string) => void} say
 */
async function download(directory, say) {
  const first = await runCommand('apt-get', ['download', 'nats-server'], directory);
  if (first.ok) return;
  // No list of packages, or an old one.
  say('refreshing the list of packages (apt-get update)');
  const update =
    process.getuid?.() === 0
      ? await runCommand('apt-get', ['update'], directory)
      : await runCommand('sudo', ['-n', 'apt-get', 'update'], directory);
  const second = await runCommand('apt-get', ['download', 'nats-server'], directory);
  if (second.ok) return;
  const log = update.ok ? second.log : update.log;
  throw new SetupError(
    `no nats-server found, and its package cannot be fetched; ${BY_HAND}. apt-get says:${quoteLog(log)}`,
  );
}
