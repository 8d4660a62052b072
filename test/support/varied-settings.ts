import { queryPostgres } from './servers.ts';

interface ServerSetting {
  name: string;
  vartype: 'bool' | 'enum' | 'integer' | 'real' | 'string';
  setting: string;
  min: string | null;
  max: string | null;
  values: string[] | null;
}

/** What a text may be instead; and where the least number would break any client, another one. */
const VALUES: Readonly<Record<string, string>> = {
  DateStyle: 'SQL, DMY',
  TimeZone: 'Asia/Kathmandu',
  application_name: 'somebody else',
  client_encoding: 'LATIN1',
  default_table_access_method: 'pile',
  default_text_search_config: 'pg_catalog.simple',
  dynamic_library_path: '$libdir:/nowhere',
  lc_messages: 'POSIX',
  lc_monetary: 'POSIX',
  lc_numeric: 'POSIX',
  lc_time: 'POSIX',
  restrict_nonsystem_relation_kind: 'foreign-table',
  createrole_self_grant: 'inherit',
  search_path: 'nowhere',
  timezone_abbreviations: 'India',
  synchronous_commit: 'off',
  wal_sender_timeout: '1000',
  tcp_user_timeout: '60000',
  idle_session_timeout: '3000',
  transaction_timeout: '3000',
  temp_file_limit: '1000000',
  max_stack_depth: '1000',
};

/** Not varied: what is only logged or shown, and what would be a wait or a fault of its own. */
const LEFT_ALONE: readonly [RegExp, string][] = [
  [/^(log_|debug_print|debug_pretty|trace_|backtrace)/, 'only logged'],
  [/^(transaction_(isolation|read_only|deferrable))$/, 'of one transaction'],
  [/^(post_auth_delay|pre_auth_delay|commit_delay)$/, 'a delay'],
  [/^(ignore_system_indexes|ignore_checksum_failure|zero_damaged_pages|wal_consistency_checking)$/, 'for damaged servers'],
  [/^(jit_debugging_support|jit_profiling_support|jit_dump_bitcode)$/, 'for developers'],
  [/_preload_libraries$|^(extension_destdir|extension_control_path)$/, 'names files'],
  [/^(default_tablespace|temp_tablespaces)$/, 'needs a tablespace'],
]; // prettier-ignore

/** Access method for tables that is not the usual one, though it works as it does. */
export const OTHER_ACCESS_METHOD =
  'CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler';

/** Every setting that a role or a database may have of its own, with another legal value than the usual one. */
export async function variedSettings(
  url: string,
): Promise<{ varied: Map<string, string>; left: Map<string, string> }> {
  const rows = (await queryPostgres(
    url,
    `SELECT name, vartype, boot_val AS setting, min_val AS min, max_val AS max, enumvals AS values FROM pg_settings
     WHERE context IN ('user', 'superuser', 'backend', 'superuser-backend') AND name NOT LIKE '%.%' ORDER BY name`,
  )) as unknown as ServerSetting[];
  const varied = new Map<string, string>();
  const left = new Map<string, string>();
  for (const each of rows) {
    const value = VALUES[each.name] ?? otherValue(each);
    const reason = LEFT_ALONE.find(([pattern]) => pattern.test(each.name))?.[1];
    if (reason !== undefined) left.set(each.name, reason);
    else if (value === null) left.set(each.name, 'has one value only');
    else varied.set(each.name, value);
  }
  return { varied, left };
}

function otherValue({ vartype, setting, min, max, values }: ServerSetting): string | null {
  switch (vartype) {
    case 'bool':
      return setting === 'on' ? 'off' : 'on';
    case 'enum':
      return values?.find((value) => value !== setting) ?? null;
    case 'integer':
    case 'real':
      if (Number(min) !== Number(setting)) return min;
      if (min === max) return null;
      return vartype === 'real' ? String(Number(min) + 0.5) : String(Number(min) + 1);
    case 'string':
      return null;
  }
}

/** `SET` of all for a role or a database (`ROLE x`, `DATABASE y`). */
export function alterAll(subject: string, settings: ReadonlyMap<string, string>): string {
  const value = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  return [...settings]
    .map(([name, text]) => `ALTER ${subject} SET ${name} = ${value(text)};`)
    .join('\n');
}
