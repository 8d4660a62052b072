import { WeirError } from '../../../../shared/errors/weir-error.ts';

/** One setting that every connection of Weir runs with, where the server has it. */
interface PinnedSetting {
  /** The first of these that the server knows. */
  names: readonly string[];
  /** As `SHOW VARIABLES` prints it. */
  value: string;
  isSame?: (found: string) => boolean;
}

function pinned(values: Record<string, string>): PinnedSetting[] {
  return Object.entries(values).map(([name, value]) => ({ names: name.split(' '), value }));
}

const SQL_MODE = ['NO_AUTO_VALUE_ON_ZERO', 'STRICT_ALL_TABLES', 'NO_ENGINE_SUBSTITUTION'];

/**
 * What every connection runs with, whatever the server, its owner or a proxy say: values are printed and read back the
 * same at both ends, statements mean the same, all rows are seen, and nothing ends a statement of ours because it takes
 * long. Timeouts are those of an ordinary server, for the providers that have far shorter ones. How plans are made, what is
 * logged and how it is replicated is left as its owner wants it.
 */
const PINNED: readonly PinnedSetting[] = [
  // How values and statements are written and read: no quotes or pads of another dialect, 0 is no request for a number.
  {
    names: ['sql_mode'],
    value: SQL_MODE.join(','),
    isSame: (found) => [...found.split(',')].sort().join() === [...SQL_MODE].sort().join(),
  },
  ...pinned({
    time_zone: '+00:00',
    character_set_client: 'utf8mb4',
    character_set_connection: 'utf8mb4',
    character_set_results: 'utf8mb4',
    collation_connection: 'utf8mb4_bin',
    sql_quote_show_create: 'ON',
    explain_format: 'TRADITIONAL',
    lc_messages: 'en_US',
    group_concat_max_len: '1073741824',
  }),
  // Which rows are seen, and where a statement is carried out.
  ...pinned({
    sql_select_limit: '18446744073709551615',
    sql_big_selects: 'ON',
    sql_safe_updates: 'OFF',
    sql_auto_is_null: 'OFF',
    system_versioning_asof: 'DEFAULT',
    use_secondary_engine: 'OFF',
    show_gipk_in_create_table_and_information_schema: 'ON',
    // Of how many rows a table has: as of now.
    information_schema_stats_expiry: '0',
  }),
  // What a transaction is and when it ends.
  ...pinned({
    autocommit: 'ON',
    completion_type: 'NO_CHAIN',
    'transaction_isolation tx_isolation': 'READ-COMMITTED',
    'transaction_read_only tx_read_only': 'OFF',
    max_statement_time: '0.000000',
    max_execution_time: '0',
    idle_transaction_timeout: '0',
    idle_readonly_transaction_timeout: '0',
    idle_write_transaction_timeout: '0',
    wait_timeout: '28800',
    // A reader that is held up by its target is not gone.
    net_write_timeout: '3600',
    net_read_timeout: '3600',
  }),
];

/** The part of a connection that this needs: rows of text, NULL as null. */
export interface Asks {
  ask(sql: string): Promise<(string | null)[][]>;
  run(sql: string): Promise<void>;
}

/** Sets what differs, and looks again: something between here and the server may have dropped it. */
export async function pinSettings(connection: Asks, where: string): Promise<void> {
  const differing = await readDiffering(connection);
  if (differing.length === 0) return;
  await connection.run(
    `SET ${differing.map(({ name, value }) => assignment(name, value)).join(', ')}`,
  );
  const left = await readDiffering(connection);
  if (left.length === 0) return;
  const said = left.map(
    ({ name, found, value }) => `${name} is "${found}", where "${value}" was set`,
  );
  throw new WeirError(
    'CONFIG_INVALID',
    `A connection to ${where} does not keep its settings: ${said.join('; ')}. Something between here and the server, such as a proxy, gives a connection another session with each statement; name the server itself in the URL.`,
  );
}

/** Where there are two names, the old one is left alone. */
async function readDiffering(
  connection: Asks,
): Promise<{ name: string; value: string; found: string }[]> {
  const names = PINNED.flatMap((setting) => setting.names.map((name) => `'${name}'`)).join(', ');
  const rows = await connection.ask(`SHOW SESSION VARIABLES WHERE Variable_name IN (${names})`);
  const found = new Map(rows.map(([name, value]) => [name!.toLowerCase(), value ?? '']));
  return PINNED.flatMap(({ names: all, value, isSame = (text: string) => text === value }) => {
    const name = all.find((each) => found.has(each));
    if (name === undefined || isSame(found.get(name)!)) return [];
    return [{ name, value, found: found.get(name)! }];
  });
}

/** Numbers, ON and OFF and DEFAULT are words; the rest is text. */
function assignment(name: string, value: string): string {
  const isWord = /^(\d+(\.\d+)?|ON|OFF|DEFAULT)$/.test(value);
  return `SESSION ${name} = ${isWord ? value : `'${value}'`}`;
}
