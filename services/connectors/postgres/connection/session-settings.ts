import type pg from 'pg';
import { WeirError } from '../../../../shared/errors/weir-error.ts';

/** One setting that every connection of Weir runs with. */
interface PinnedSetting {
  name: string;
  /** As `pg_settings.setting` shows it. */
  value: string;
  /** Left out: only `value` will do. Said of what is there, such as a stronger choice of the server's owner. */
  accepts?: (setting: string) => boolean;
  /** Set only where it is not so: older servers refuse to begin a session with it, or it costs time to set. */
  isLate?: boolean;
  /** Shows something else on some connections (a socket without TCP), and may. */
  isUnsure?: boolean;
}

function pinned(values: Record<string, string>, more: Partial<PinnedSetting> = {}) {
  return Object.entries(values).map(([name, value]): PinnedSetting => ({ name, value, ...more }));
}

/**
 * What every connection runs with, whatever the role, the database or the server say: values print the same at both ends
 * and read back as they were, statements and what the catalog prints mean the same, names need no search path, and nothing
 * is cut short. What is not here (where tables and sorts are stored, what is logged, how plans are made) is left as
 * its owner wants it. `session_replication_role` is for the sessions that write to say.
 */
const PINNED: readonly PinnedSetting[] = [
  // How values are written and read.
  ...pinned({
    client_encoding: 'UTF8',
    DateStyle: 'ISO, YMD',
    IntervalStyle: 'postgres',
    TimeZone: 'UTC',
    extra_float_digits: '3',
    bytea_output: 'hex',
    array_nulls: 'on',
    lc_monetary: 'C',
    lc_numeric: 'C',
    lc_time: 'C',
    xmlbinary: 'base64',
    xmloption: 'content',
  }),
  ...pinned({ timezone_abbreviations: 'Default' }, { isLate: true }),
  // What a statement, a name and a condition mean, and which rows are seen.
  ...pinned({
    search_path: '',
    standard_conforming_strings: 'on',
    backslash_quote: 'safe_encoding',
    escape_string_warning: 'off',
    quote_all_identifiers: 'off',
    transform_null_equals: 'off',
    row_security: 'off',
    gin_fuzzy_search_limit: '0',
    default_table_access_method: 'heap',
  }),
  // What a transaction may do and when it ends.
  ...pinned({
    default_transaction_isolation: 'read committed',
    default_transaction_read_only: 'off',
    default_transaction_deferrable: 'off',
    exit_on_error: 'off',
    client_min_messages: 'warning',
    statement_timeout: '0',
    lock_timeout: '0',
    idle_in_transaction_session_timeout: '0',
  }),
  ...pinned({ idle_session_timeout: '0', transaction_timeout: '0' }, { isLate: true }),
  // Off would let the source forget what the target can still lose. How far standbys are waited for is not ours to say.
  {
    name: 'synchronous_commit',
    value: 'on',
    accepts: (setting) => setting !== 'off',
  },
  // Compiling a plan takes longer than the catalog queries and batches that it is for.
  ...pinned({ jit: 'off' }),
  // A client whose machine is gone must not hold locks and the slot for hours: about a minute, over TCP.
  ...pinned(
    { tcp_keepalives_idle: '30', tcp_keepalives_interval: '10', tcp_keepalives_count: '3' },
    { isUnsure: true },
  ),
  // The server hears of Weir every ten seconds, also while nothing can be taken from it.
  {
    name: 'wal_sender_timeout',
    value: '60000',
    accepts: (milliseconds) => milliseconds === '0' || Number(milliseconds) >= 30_000,
  },
];

/** For the packet that begins a session, so that not even its first statement runs without. */
export function startupOptions(): string {
  return PINNED.filter(({ accepts, isLate }) => accepts === undefined && isLate !== true)
    .map(({ name, value }) => `-c ${name}=${value.replaceAll(/([\\ ])/g, '\\$1')}`)
    .join(' ');
}

/**
 * Makes sure that they are in force: asks for all of them, sets those that are not as they should be (because they are
 * newer than the oldest server, or because something between here and the server drops startup options), and asks again.
 */
export async function pinSettings(client: pg.Client, where: string): Promise<void> {
  const differing = await readDiffering(client);
  if (differing.length === 0) return;
  const names = differing.map(({ name }) => `('${name}', '${valueOf(name)}')`).join(', ');
  // No parameters: a connection for replication takes plain text only.
  await client.query(
    `SELECT set_config(name, value, false) FROM (VALUES ${names}) AS wanted (name, value)`,
  );
  const left = await readDiffering(client);
  if (left.length === 0) return;
  const said = left.map(({ name, setting }) => `${name} is "${setting}"`).join(', ');
  const wanted = left.map(({ name }) => `${name} = '${valueOf(name)}'`).join(', ');
  throw new WeirError(
    'CONFIG_INVALID',
    `A connection to ${where} does not keep its settings: ${said}, where ${wanted} was set. ${SHARED}`,
  );
}

/**
 * Makes the session known as ours, and gives the server's process behind it. A session that is marked already was another
 * connection's a moment ago: settings, locks, temporary tables and prepared statements would be those of both.
 */
export async function takeSession(client: pg.Client, where: string): Promise<number> {
  // In their order: what is there is read before it is set.
  const { rows } = await client.query<{ taken: string | null; pid: number }>(
    `SELECT pg_catalog.current_setting('weir.session', true) AS taken,
       pg_catalog.set_config('weir.session', 'taken', false), pg_catalog.pg_backend_pid() AS pid`,
  );
  const { taken, pid } = rows[0]!;
  if (taken === null || taken === '') return Number(pid);
  throw new WeirError(
    'CONFIG_INVALID',
    `Several connections to ${where} share one session of the server. ${SHARED}`,
  );
}

const SHARED =
  'Something between here and the server, such as a pooler, gives a connection another session with each transaction, or does not clear one before the next has it. Name the server itself in the URL; at the target a pooler will do that keeps one connection a session (PgBouncer: pool_mode = session).';

function valueOf(name: string): string {
  return PINNED.find((each) => each.name === name)!.value;
}

async function readDiffering(client: pg.Client): Promise<{ name: string; setting: string }[]> {
  const sure = PINNED.filter(({ isUnsure }) => isUnsure !== true);
  const { rows } = await client.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN (${sure.map(({ name }) => `'${name}'`).join(', ')})`,
  );
  return rows.filter(({ name, setting }) => {
    const { value, accepts } = sure.find((each) => each.name === name)!;
    return accepts === undefined ? setting !== value : !accepts(setting);
  });
}
