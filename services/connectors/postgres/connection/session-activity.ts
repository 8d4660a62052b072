import type { ClientBase } from 'pg';

/** What a session does, as its server tells. */
export interface Activity {
  pid: number;
  /** It waits for its client to ask for something. */
  isAtRest: boolean;
  /** How long its statement has been running. */
  waitsS: number;
  /** What it waits for a lock on, and who holds that at the end of the chain of those who wait; none where it waits for none. */
  what: string;
  holders: Holder[];
}

export interface Holder {
  /** 0: a prepared transaction. */
  pid: number;
  user: string;
  application: string;
  /** Null where this role may not know. */
  sinceS: number | null;
}

interface ActivityRow extends Omit<Activity, 'holders'> {
  holders: Holder[] | null;
}

/** A lock on a row is one on the transaction that has changed it. */
const ACTIVITY = `
WITH RECURSIVE waits(session, pid) AS (
  SELECT s.pid, unnest(pg_catalog.pg_blocking_pids(s.pid)) FROM pg_catalog.pg_stat_activity s
  WHERE s.pid = ANY($1) AND s.wait_event_type = 'Lock'
  UNION
  SELECT w.session, unnest(pg_catalog.pg_blocking_pids(w.pid)) FROM waits w WHERE w.pid <> 0
), holders AS (
  SELECT w.session, pg_catalog.json_agg(pg_catalog.json_build_object(
      'pid', w.pid, 'user', coalesce(a.usename, ''), 'application', coalesce(a.application_name, ''),
      'sinceS', extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::int) ORDER BY a.xact_start) AS holders
  FROM waits w LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
  WHERE w.pid = 0 OR pg_catalog.cardinality(pg_catalog.pg_blocking_pids(w.pid)) = 0
  GROUP BY w.session
)
SELECT s.pid, coalesce(s.state LIKE 'idle%', false) AS "isAtRest",
  coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - s.query_start), 0)::int AS "waitsS",
  coalesce((SELECT max(l.relation::pg_catalog.regclass::text) FROM pg_catalog.pg_locks l
    WHERE l.pid = s.pid AND NOT l.granted AND l.relation IS NOT NULL), 'a row') AS what,
  h.holders
FROM pg_catalog.pg_stat_activity s LEFT JOIN holders h ON h.session = s.pid WHERE s.pid = ANY($1)`;

/** Of those of the sessions that the server knows. */
export async function readActivity(
  client: ClientBase,
  pids: readonly number[],
): Promise<Activity[]> {
  const { rows } = await client.query<ActivityRow>(ACTIVITY, [pids]);
  return rows.map((row) => ({ ...row, holders: row.holders ?? [] }));
}
