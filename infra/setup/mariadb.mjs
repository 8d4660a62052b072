import { importBuilt } from './built.mjs';
import { unpackDebianPackage } from './debian-package.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * A MariaDB for the tests of its connector, where one is to be had; they are skipped elsewhere, aloud.
 *
 * @param {string} root
 * @param {(line: string) => void} say
 */
export async function provideMariadb(root, say) {
  const { findMariadb } = await importBuilt(root, 'infra/mysql/mysql-binaries');
  if (findMariadb?.() !== undefined) return;
  try {
    await unpackDebianPackage(root, 'mariadb-server-core', 'install mariadb-server', say, {
      withMissing: true,
    });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`no MariaDB can be had here, so its tests are skipped: ${error.message}`);
  }
}
