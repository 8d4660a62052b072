import path from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * The finders of the servers are those that `weir` itself uses, as they were just built; so both look in one order.
 *
 * @param {string} root
 * @param {string} module its path in the project, without the extension
 * @returns {Promise<Record<string, () => unknown>>}
 */
export async function importBuilt(root, module) {
  const file = path.join(root, 'dist', `${module}.js`);
  return /** @type {Record<string, () => unknown>} */ (await import(pathToFileURL(file).href));
}
