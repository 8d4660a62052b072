import { existsSync } from 'node:fs';
import path from 'node:path';
import { unpackDebianPackage } from './debian-package.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * A Prometheus for the tests of the dashboards and rules, where one is to be had; they are skipped elsewhere, aloud.
 *
 * @param {string} root
 * @param {(line: string) => void} say
 */
export async function providePrometheus(root, say) {
  const directories = [
    ...(process.env['PATH'] ?? '').split(path.delimiter),
    path.join(root, '.weir', 'prometheus', 'usr', 'bin'),
  ];
  const isThere = ['prometheus', 'promtool'].every((name) =>
    directories.some((directory) => existsSync(path.join(directory, name))),
  );
  if (isThere) return;
  try {
    await unpackDebianPackage(root, 'prometheus', 'install prometheus and promtool', say);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say('no Prometheus can be had here: the tests of dashboards and rules are skipped');
  }
}
