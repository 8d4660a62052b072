import { importBuilt } from './built.mjs';
import { unpackDebianPackage } from './debian-package.mjs';
import { SetupError } from './setup-error.mjs';

const BY_HAND =
  'install nats-server 2.9 or newer, or name the binary in WEIR_NATS_SERVER, or a running server in WEIR_NATS_URL';

/**
 * Makes sure that there is a nats-server, unless a running one is named.
 *
 * @param {string} root
 * @param {(line: string) => void} say
 */
export async function provideNats(root, say) {
  if ((process.env['WEIR_NATS_URL'] ?? '') !== '') return;
  const { findNatsServer } = await importBuilt(root, 'services/supervisor/embedded/nats-binary');
  if (findNatsServer?.() !== undefined) return;
  await unpackDebianPackage(root, 'nats-server', BY_HAND, say);
  if (findNatsServer?.() === undefined) {
    throw new SetupError(`the package nats-server holds no program for this machine; ${BY_HAND}.`);
  }
}
