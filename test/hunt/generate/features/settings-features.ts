import type { Draft } from '../draft.ts';
import type { Feature } from './feature.ts';

/** What a role or a database may set that changes what text means or what may be done. */
const SETTINGS: readonly (readonly [name: string, values: readonly string[]])[] = [
  ['search_path', ["''", 'pg_catalog', '"$user"', 'nowhere, public']],
  ['DateStyle', ["'German, DMY'", "'SQL, MDY'", "'Postgres, DMY'"]],
  ['IntervalStyle', ["'iso_8601'", "'sql_standard'", "'postgres_verbose'"]],
  ['TimeZone', ["'Asia/Kathmandu'", "'America/St_Johns'"]],
  ['quote_all_identifiers', ['on']],
  ['array_nulls', ['off']],
  ['standard_conforming_strings', ['off']],
  ['backslash_quote', ['off']],
  ['transform_null_equals', ['on']],
  ['default_transaction_read_only', ['on']],
  ['default_transaction_isolation', ["'serializable'", "'repeatable read'"]],
  ['default_transaction_deferrable', ['on']],
  ['bytea_output', ["'escape'"]],
  ['extra_float_digits', ['0', '-15']],
  ['lock_timeout', ["'1ms'"]],
  ['statement_timeout', ["'2ms'"]],
  ['idle_in_transaction_session_timeout', ["'1ms'"]],
  ['row_security', ['off', 'on']],
  ['session_replication_role', ["'replica'", "'local'"]],
  ['client_encoding', ["'LATIN1'", "'UTF8'"]],
  ['client_min_messages', ["'debug5'", "'error'"]],
  ['xmloption', ["'document'"]],
  ['check_function_bodies', ['off']],
  ['synchronous_commit', ['off']],
  ['commit_delay', ['100']],
  ['enable_seqscan', ['off']],
  ['enable_indexscan', ['off']],
  ['enable_hashjoin', ['off']],
  ['plan_cache_mode', ["'force_generic_plan'", "'force_custom_plan'"]],
  ['from_collapse_limit', ['1']],
  ['join_collapse_limit', ['1']],
  ['work_mem', ["'64kB'"]],
  ['temp_buffers', ["'800kB'"]],
  ['maintenance_work_mem', ["'1MB'"]],
  ['default_table_access_method', ['heap']],
  ['default_toast_compression', ["'pglz'"]],
  ['default_with_oids', ['off']],
  ['constraint_exclusion', ['on']],
  ['enable_partition_pruning', ['off']],
  ['default_statistics_target', ['1']],
  ['gin_fuzzy_search_limit', ['1']],
  ['lc_monetary', ["'C'"]],
  ['lc_numeric', ["'C'"]],
  ['password_encryption', ["'md5'"]],
  ['vacuum_freeze_min_age', ['0']],
  ['xmlbinary', ["'hex'"]],
  ['timezone_abbreviations', ["'Default'", "'India'"]],
  ['cursor_tuple_fraction', ['0.01']],
  ['jit', ['on']],
  ['jit_above_cost', ['0']],
  ['debug_parallel_query', ['on']],
  ['force_parallel_mode', ['on']],
  ['min_parallel_table_scan_size', ['0']],
  ['tcp_keepalives_idle', ['5']],
  ['log_statement', ["'all'"]],
  ['createrole_self_grant', ["'set, inherit'"]],
  ['event_triggers', ['off']],
  ['transaction_timeout', ["'2s'"]],
  ['idle_session_timeout', ["'1s'"]],
  ['icu_validation_level', ["'disabled'"]],
  ['parallel_setup_cost', ['0']],
];

export const SETTINGS_FEATURES: readonly Feature[] = [
  { name: 'setting of the source', weight: 6, apply: (draft) => set(draft, 'source') },
  { name: 'setting of the target', weight: 6, apply: (draft) => set(draft, 'target') },
  {
    name: 'settings at both ends',
    weight: 3,
    apply(draft) {
      for (const end of ['source', 'target'] as const) for (let i = 0; i < 4; i++) set(draft, end);
    },
  },
  {
    name: 'role at the source',
    weight: 4,
    apply(draft) {
      draft.roles.source = true;
      if (draft.dice.chance(0.4)) setFor(draft, 'ROLE {reader}');
    },
  },
  {
    name: 'role at the target',
    weight: 4,
    apply(draft) {
      draft.roles.target = true;
      if (draft.dice.chance(0.4)) setFor(draft, 'ROLE {writer}');
    },
  },
];

function set(draft: Draft, end: 'source' | 'target'): void {
  setFor(draft, `DATABASE {${end}}`);
}

/** One that this server does not know is refused by it, and nothing has happened. */
function setFor(draft: Draft, whom: string): void {
  const [name, values] = draft.dice.pick(SETTINGS);
  draft.settings.push({ sql: `ALTER ${whom} SET ${name} = ${draft.dice.pick(values)}` });
}
