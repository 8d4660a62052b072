import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectorLog } from '../../../../shared/connector/end-options.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import type { ControlConnection } from '../connection/control-connection.ts';

/** Whoever holds the lock for longer than an errand lets the server hear of it so often. */
export const LOCK_HEARTBEAT_MS = 3_000;
/** Silent for so long, a connection has nobody at its other end, or somebody who stands still. */
const SILENT_MS = 10_000;
const LOOK_MS = 200;
/** A connection that this process knows it has lost. */
const OWN_SILENT_MS = 600;

export interface LockOptions {
  pipeline: string;
  /** Server processes of this process's earlier connections. */
  former?: readonly number[];
  log: ConnectorLog;
  signal: AbortSignal;
}

interface LockHolder {
  pid: number;
  application: string;
  /** Changes with everything that the server hears from it; null where this role may not know. */
  heard: string | null;
  /** It runs a statement. */
  busy: boolean;
}

export function controlApplicationName(pipeline: string): string {
  return `weir ${pipeline} control`;
}

/**
 * One process a pipeline: the lock is the connection's and goes with it. A server may take a minute to notice that a
 * connection has died, and never notices one that stands still; so a holder that says nothing for a while is ended. One
 * that is heard of is alive: ALREADY_RUNNING.
 */
export async function takeLock(
  control: ControlConnection,
  { pipeline, former = [], log, signal }: LockOptions,
): Promise<void> {
  let seen: LockHolder | null = null;
  let sinceMs = performance.now();
  for (;;) {
    const rows = await control.query<{ taken: boolean }>(
      'taking the lock of the pipeline',
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken',
      [lockName(pipeline)],
    );
    if (rows[0]?.taken === true) return;
    const holder = await readHolder(control, pipeline);
    if (holder !== null && holder.pid !== seen?.pid) {
      seen = holder;
      sinceMs = performance.now();
    }
    const silentMs = performance.now() - sinceMs;
    const isAlive = holder !== null && holder.heard !== seen?.heard;
    const isOurs = holder !== null && former.includes(holder.pid);
    const isForeign = holder !== null && holder.application !== controlApplicationName(pipeline);
    const isOthers = holder !== null && (holder.busy || isForeign);
    if (!isOurs && (isAlive || (silentMs > SILENT_MS && isOthers)))
      throw new WeirError(
        'ALREADY_RUNNING',
        `Pipeline ${pipeline} is running already: another process holds its lock at ${control.where}; stop that one, or give this pipeline another name.`,
      );
    if (holder !== null && silentMs > (isOurs ? OWN_SILENT_MS : SILENT_MS)) {
      log.info({ process: holder.pid }, 'ending an idle connection that held the lock');
      await control.query('ending a dead connection', 'SELECT pg_terminate_backend($1)', [
        holder.pid,
      ]);
      seen = null;
    }
    await sleep(LOOK_MS, undefined, { signal });
  }
}

function lockName(pipeline: string): string {
  return `weir:${pipeline}`;
}

async function readHolder(
  control: ControlConnection,
  pipeline: string,
): Promise<LockHolder | null> {
  const rows = await control.query<LockHolder>(
    'looking who holds the lock of the pipeline',
    `SELECT a.pid, a.application_name AS application, a.state_change::text AS heard,
       coalesce(a.state <> 'idle', false) AS busy
     FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
       AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended($1, 0)`,
    [lockName(pipeline)],
  );
  return rows[0] ?? null;
}
