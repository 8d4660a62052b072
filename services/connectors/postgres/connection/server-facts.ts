import type { ControlConnection } from './control-connection.ts';
import { parseLsn, type Lsn } from './lsn.ts';

/** What a source's server says of itself. */
export interface ServerFacts {
  /** As `server_version_num`: 150018 is 15.18. */
  version: number;
  versionText: string;
  isStandby: boolean;
  walLevel: string;
  encoding: string;
  role: string;
  canReplicate: boolean;
  isSuperuser: boolean;
  canCreateInDatabase: boolean;
  freeSlots: number;
  freeWalSenders: number;
  database: string;
}

export async function readServerFacts(control: ControlConnection): Promise<ServerFacts> {
  const rows = await control.query<ServerFacts>(
    'reading the settings',
    `SELECT current_setting('server_version_num')::int AS version,
       current_setting('server_version') AS "versionText",
       pg_is_in_recovery() AS "isStandby",
       current_setting('wal_level') AS "walLevel",
       current_setting('server_encoding') AS encoding,
       current_user::text AS role,
       r.rolreplication OR r.rolsuper OR EXISTS (
         SELECT FROM pg_catalog.pg_roles g
         WHERE g.rolname = 'rds_replication' AND pg_has_role(g.oid, 'MEMBER')) AS "canReplicate",
       r.rolsuper AS "isSuperuser",
       has_database_privilege(current_database(), 'CREATE') AS "canCreateInDatabase",
       current_setting('max_replication_slots')::int
         - (SELECT count(*) FROM pg_catalog.pg_replication_slots)::int AS "freeSlots",
       current_setting('max_wal_senders')::int
         - (SELECT count(*) FROM pg_catalog.pg_stat_replication)::int AS "freeWalSenders",
       current_database()::text AS database
     FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`,
  );
  return rows[0]!;
}

/** Where the log's end is now; on a standby, what has been replayed. */
export async function readLogEnd(control: ControlConnection): Promise<Lsn> {
  const rows = await control.query<{ lsn: string }>(
    "reading the log's end",
    `SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
       ELSE pg_current_wal_insert_lsn() END)::text AS lsn`,
  );
  return parseLsn(rows[0]!.lsn);
}

/**
 * Writes something into the log that the stream will show, and waits until it is on disk. In a transaction of its
 * own, because then the stream gets a commit, in every version, whatever else is going on.
 */
export async function emitMarker(control: ControlConnection): Promise<void> {
  await control.run('writing a marker into the log', async (client) => {
    await client.query('BEGIN');
    try {
      // Not waiting for standbys: the marker has no value of its own.
      await client.query('SET LOCAL synchronous_commit = local');
      await client.query("SELECT pg_logical_emit_message(true, 'weir', '')");
    } finally {
      await client.query('COMMIT');
    }
  });
}
