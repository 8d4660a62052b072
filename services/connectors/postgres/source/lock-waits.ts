import type pg from 'pg';
import { formatDuration } from '../../../../shared/config/duration.ts';
import { quoteLiteral } from '../connection/names.ts';

export interface Wait {
  /** The same while it lasts. */
  id: string;
  sentence: string;
}

/** Somebody waits for a lock that this pipeline holds. */
export interface WaitForUs extends Wait {
  waitedMs: number;
}

interface WaitRow {
  waiter: number;
  waiterName: string;
  /** Of the lock that is waited for; null for that of a transaction. */
  relation: string | null;
  mode: string;
  waitedMs: number | null;
  behind: number;
  blocker: number;
  blockerName: string | null;
  blockerState: string | null;
  blockerType: string | null;
  blockerUser: string | null;
  blockerDatabase: string | null;
  blockerMs: number | null;
  gid: string | null;
  preparedMs: number | null;
  preparedBy: string | null;
}

/** Of this pipeline; server processes that make a slot are clients of the database, too. */
function isOurs(activity: string): string {
  const name = `${activity}.application_name`;
  return `${activity}.datname = current_database() AND (${name} = $1 OR starts_with(${name}, $1 || ' '))`;
}

/**
 * Who waits for whom, of those where one is a connection of the pipeline and the other is not. A blocker 0 is a prepared
 * transaction (`pg_blocking_pids`), which has no process; it is found by what it holds.
 */
const WAITS = `
SELECT w.pid AS waiter, coalesce(s.application_name, '') AS "waiterName", w.mode,
  CASE WHEN w.locktype = 'relation' THEN coalesce(
    (SELECT format('%s.%s', n.nspname, c.relname) FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = w.relation),
    'relation ' || w.relation) END AS relation,
  (extract(epoch FROM clock_timestamp() - coalesce((to_jsonb(w) ->> 'waitstart')::timestamptz, s.query_start)) * 1000)::float8 AS "waitedMs",
  (SELECT count(DISTINCT q.pid)::int FROM pg_catalog.pg_locks q
   WHERE NOT q.granted AND q.locktype = 'relation' AND q.relation = w.relation AND q.database = w.database
     AND q.pid <> w.pid) AS behind,
  b.pid AS blocker, a.application_name AS "blockerName", a.state AS "blockerState", a.backend_type AS "blockerType",
  a.usename AS "blockerUser", a.datname AS "blockerDatabase",
  (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::float8 AS "blockerMs",
  p.gid, (extract(epoch FROM clock_timestamp() - p.prepared) * 1000)::float8 AS "preparedMs", p.owner AS "preparedBy"
FROM pg_catalog.pg_locks w
JOIN pg_catalog.pg_stat_activity s ON s.pid = w.pid
CROSS JOIN LATERAL (SELECT DISTINCT unnest(pg_catalog.pg_blocking_pids(w.pid)) AS pid) b
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
LEFT JOIN pg_catalog.pg_prepared_xacts p ON b.pid = 0 AND (p.transaction = w.transactionid OR EXISTS (
  SELECT FROM pg_catalog.pg_locks h
  WHERE h.pid IS NULL AND h.granted AND h.relation = w.relation AND h.database = w.database
    AND h.virtualtransaction = '-1/' || p.transaction))
WHERE NOT w.granted AND w.pid <> pg_catalog.pg_backend_pid()
  AND $2 = coalesce(${isOurs('s')}, false) AND $2 <> coalesce(${isOurs('a')}, false)
ORDER BY w.pid, b.pid`;

/** What connections of the pipeline wait for, a sentence each with what to do. */
export async function readOurWaits(client: pg.Client, pipeline: string): Promise<Wait[]> {
  const rows = await read(client, pipeline, true);
  return rows.map((row) => ({
    id: `${row.waiter} ${row.blocker} ${row.relation} ${row.gid}`,
    sentence: `${whatWaits(row)} ${theBlocker(row)}`,
  }));
}

/** Who waits for a lock that connections of the pipeline hold. */
export async function readWaitsForUs(client: pg.Client, pipeline: string): Promise<WaitForUs[]> {
  const byWaiter = new Map<number, WaitRow>();
  for (const row of await read(client, pipeline, false))
    if (row.relation !== null && !byWaiter.has(row.waiter)) byWaiter.set(row.waiter, row);
  return [...byWaiter.values()].map((row) => {
    const { waiter, waiterName, relation, mode, behind } = row;
    const others = behind === 0 ? '' : `, and ${behind} more behind it`;
    const waitedMs = Math.max(0, row.waitedMs ?? 0);
    return {
      id: `${waiter} ${relation}`,
      waitedMs,
      sentence: `process ${waiter}${named(waiterName)} has waited for ${ageOf(waitedMs)} for a lock on ${relation} (${mode}) that this pipeline holds${others}`,
    };
  });
}

async function read(client: pg.Client, pipeline: string, ours: boolean): Promise<WaitRow[]> {
  const { rows } = await client.query<WaitRow>(WAITS, [`weir ${pipeline}`.slice(0, 63), ours]);
  return rows;
}

function whatWaits({ waiterName, relation, mode }: WaitRow): string {
  if (relation !== null) return `waiting for a lock on ${relation} (${mode}):`;
  return waiterName.endsWith(' snapshot')
    ? 'making the replication slot waits for every transaction that was open before:'
    : 'waiting for a transaction to end:';
}

function theBlocker(row: WaitRow): string {
  const { blocker, gid, preparedMs, preparedBy, blockerUser, blockerState, blockerMs } = row;
  if (gid !== null) {
    const name = quoteLiteral(gid).trim();
    return `the prepared transaction ${name} of ${preparedBy} has been open for ${ageOf(preparedMs ?? 0)}; run COMMIT PREPARED ${name} or ROLLBACK PREPARED ${name}`;
  }
  if (blocker === 0) return 'a prepared transaction is open: pg_prepared_xacts shows it';
  const details = [
    ...(row.blockerName ? [row.blockerName] : []),
    ...(row.blockerType !== null && row.blockerType !== 'client backend' ? [row.blockerType] : []),
    ...(blockerUser === null ? [] : [`user ${blockerUser}`]),
    ...(row.blockerDatabase === null ? [] : [`database ${row.blockerDatabase}`]),
    ...(blockerState === null ? [] : [blockerState]),
  ];
  const age = blockerMs === null ? '' : ` for ${ageOf(blockerMs)}`;
  return `process ${blocker} (${details.join(', ')}) has had a transaction open${age}; let it end, or end it with SELECT pg_terminate_backend(${blocker})`;
}

function named(application: string): string {
  return application === '' ? '' : ` (${application})`;
}

function ageOf(ms: number): string {
  return formatDuration(Math.max(1_000, Math.round(ms / 1_000) * 1_000));
}
