import { majorVersion, queryPostgres } from './servers.ts';

/**
 * What roles and databases of long-lived servers have set, for good reasons or by accident. None of it may change
 * what arrives: every pipeline of the tests with real processes runs under it.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  datestyle: "'SQL, DMY'",
  intervalstyle: 'sql_standard',
  timezone: "'Asia/Kathmandu'",
  bytea_output: 'escape',
  search_path: "audit, '$user', public",
  quote_all_identifiers: 'on',
  default_transaction_isolation: "'repeatable read'",
  default_transaction_read_only: 'on',
  statement_timeout: "'30s'",
  lock_timeout: "'10s'",
  idle_in_transaction_session_timeout: "'20s'",
  extra_float_digits: '0',
  standard_conforming_strings: 'off',
  array_nulls: 'off',
};
const ROLE = 'weir_app';

/** By address: a role belongs to a server. */
const made = new Map<string, Promise<void>>();

/** The URL of the database for a role that is no superuser and has settings of its own. */
export async function asOrdinaryRole(databaseUrl: string): Promise<string> {
  const url = new URL(databaseUrl);
  let making = made.get(url.host);
  if (making === undefined) {
    making = makeRole(databaseUrl);
    made.set(url.host, making);
  }
  await making;
  await queryPostgres(
    databaseUrl,
    `GRANT CREATE ON DATABASE ${url.pathname.slice(1)} TO ${ROLE}; GRANT ALL ON SCHEMA public TO ${ROLE}`,
  );
  url.username = ROLE;
  return url.href;
}

/**
 * A member of the role that owns the tables, as a publication may hold only what its maker may drop; being a superuser
 * is not passed on to members.
 */
async function makeRole(url: string): Promise<void> {
  // A standby that took over has it from its primary.
  const [there] = await queryPostgres(url, 'SELECT FROM pg_roles WHERE rolname = $1', [ROLE]);
  if (there !== undefined) return;
  const version = await majorVersion(url);
  const secret = decodeURIComponent(new URL(url).password);
  const password = secret === '' ? '' : `PASSWORD '${secret}'`;
  // Before 15 nobody else may keep triggers and foreign keys of the target quiet.
  const rights = version >= 15 ? '' : 'SUPERUSER';
  const mayKeepQuiet =
    version >= 15 ? `GRANT SET ON PARAMETER session_replication_role TO ${ROLE};` : '';
  await queryPostgres(
    url,
    `CREATE ROLE ${ROLE} LOGIN REPLICATION ${rights} ${password}; ${mayKeepQuiet} GRANT postgres TO ${ROLE};
     ${Object.entries(SETTINGS)
       .map(([name, value]) => `ALTER ROLE ${ROLE} SET ${name} = ${value};`)
       .join('\n')}`,
  );
}
