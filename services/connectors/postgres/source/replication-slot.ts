import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import type { ControlConnection } from '../connection/control-connection.ts';
import { parseLsn, type Lsn } from '../connection/lsn.ts';
import { quoteIdent } from '../connection/names.ts';

/** What the connection that reads the slot calls itself. */
export function changesApplicationName(pipeline: string): string {
  return `weir ${pipeline} changes`;
}

/** A logical replication slot as `pg_replication_slots` shows it. */
export interface SlotState {
  plugin: string;
  database: string;
  isOwnDatabase: boolean;
  activePid: number | null;
  /** The WAL or rows that it needs are gone. */
  isLost: boolean;
  lostReason: string | null;
  /** Standbys that synchronise slots have it too; null before PostgreSQL 17. */
  isForStandbys: boolean | null;
  confirmedFlush: Lsn;
}

export async function readSlot(
  control: ControlConnection,
  name: string,
): Promise<SlotState | null> {
  const rows = await control.query<Omit<SlotState, 'confirmedFlush'> & { confirmedFlush: string }>(
    'reading the replication slot',
    // As JSON where the column is not in every version: 16 has `conflicting`, 17 `invalidation_reason`.
    `SELECT s.plugin, s.database, s.database = current_database() AS "isOwnDatabase", s.active_pid AS "activePid",
       coalesce(s.wal_status = 'lost', false) OR coalesce((j.slot ->> 'conflicting')::bool, false)
         OR j.slot ->> 'invalidation_reason' IS NOT NULL AS "isLost",
       coalesce(j.slot ->> 'invalidation_reason', s.wal_status) AS "lostReason",
       (j.slot ->> 'failover')::bool AS "isForStandbys",
       coalesce(s.confirmed_flush_lsn, '0/0')::text AS "confirmedFlush"
     FROM pg_catalog.pg_replication_slots s CROSS JOIN LATERAL (SELECT to_jsonb(s) AS slot) j
     WHERE s.slot_name = $1`,
    [name],
  );
  const [row] = rows;
  return row === undefined ? null : { ...row, confirmedFlush: parseLsn(row.confirmedFlush) };
}

const LINGER_TRIES = 25;
const LINGER_TRIES_UNTIL_ENDED = 10;
const LINGER_WAIT_MS = 200;

/**
 * Waits until nobody reads from the slot. Our own lock says that no other process runs the pipeline, so a reader
 * that is still there is the server's end of a connection that has died and goes in a moment; where the server does
 * not notice, it is ended.
 */
export async function awaitInactiveSlot(
  control: ControlConnection,
  name: string,
  pipeline: string,
  signal: AbortSignal,
): Promise<SlotState | null> {
  for (let tries = 1; ; tries++) {
    const slot = await readSlot(control, name);
    if (slot === null || slot.activePid === null) return slot;
    if (tries === LINGER_TRIES_UNTIL_ENDED)
      await control.query(
        'ending a dead connection',
        `SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
         WHERE pid = $1 AND application_name = $2`,
        [slot.activePid, changesApplicationName(pipeline)],
      );
    if (tries >= LINGER_TRIES)
      throw new WeirError(
        'ALREADY_RUNNING',
        `The replication slot ${name} of pipeline ${pipeline} is in use by server process ${slot.activePid} at ${control.where}; stop what reads from it, or give this pipeline another name.`,
      );
    await sleep(LINGER_WAIT_MS, undefined, { signal });
  }
}

export interface CreatedSlot {
  consistentPoint: Lsn;
  /** Valid until the connection that made the slot runs something else. */
  snapshot: string;
}

/** Makes a slot whose snapshot shows exactly what was committed before the slot's start. */
export async function createSlot(
  replication: pg.Client,
  name: string,
  kind: 'permanent' | 'temporary',
  serverVersion: number,
): Promise<CreatedSlot> {
  const temporary = kind === 'temporary' ? ' TEMPORARY' : '';
  let options = 'EXPORT_SNAPSHOT';
  if (serverVersion >= 150_000) options = "(SNAPSHOT 'export')";
  // A standby that synchronises slots then has it too, so that the pipeline outlives the primary.
  if (serverVersion >= 170_000 && kind === 'permanent') options = "(SNAPSHOT 'export', FAILOVER)";
  const { rows } = await replication.query<{ consistent_point: string; snapshot_name: string }>(
    `CREATE_REPLICATION_SLOT ${quoteIdent(name)}${temporary} LOGICAL pgoutput ${options}`,
  );
  const [row] = rows;
  if (row === undefined)
    throw new WeirError('INTERNAL', 'the server created a slot and did not describe it');
  return { consistentPoint: parseLsn(row.consistent_point), snapshot: row.snapshot_name };
}

/** What `createSlot` asks for from PostgreSQL 17 on, for a slot that was made without it. */
export async function keepOnStandbys(replication: pg.Client, name: string): Promise<void> {
  await replication.query(`ALTER_REPLICATION_SLOT ${quoteIdent(name)} (FAILOVER)`);
}

export async function dropSlot(control: ControlConnection, name: string): Promise<void> {
  await control.query(
    `dropping the replication slot ${name}`,
    'SELECT pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1',
    [name],
  );
}
