import type { Retention } from '../../../../shared/connector/source.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import type { ControlConnection } from '../connection/control-connection.ts';
import { pipelineObjectName } from '../connection/names.ts';
import { awaitInactiveSlot, dropSlot } from './replication-slot.ts';
import { readNote, writeNote } from './slot-owner.ts';

interface RetentionRow {
  retained: string | null;
  safe: string | null;
  lost: boolean;
}

/**
 * The log from the slot's restart on, and how much may still be written before `max_slot_wal_keep_size` takes the slot
 * away. How much room the disk has the server does not tell. Null where there is no slot.
 */
export async function readSlotRetention(
  control: ControlConnection,
  pipeline: string,
): Promise<Retention | null> {
  const rows = await control.query<RetentionRow>(
    'reading what the replication slot holds back',
    `SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END
         - restart_lsn)::text AS retained,
       safe_wal_size::text AS safe, coalesce(wal_status = 'lost', false) AS lost
     FROM pg_catalog.pg_replication_slots WHERE slot_name = $1`,
    [pipelineObjectName(pipeline)],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const retainedBytes = Math.max(0, Number(row.retained ?? 0));
  const limitBytes = row.safe === null ? null : Math.max(0, retainedBytes + Number(row.safe));
  return { retainedBytes, limitBytes, state: row.lost ? 'lost' : 'kept' };
}

/**
 * Drops the slot and leaves word of it where the next start looks: in the place of the owner's. The target may be the very reason, so it is not asked.
 */
export async function giveUpSlot(
  control: ControlConnection,
  pipeline: string,
  reason: string,
  signal: AbortSignal,
): Promise<WeirError> {
  const name = pipelineObjectName(pipeline);
  const slot = await awaitInactiveSlot(control, name, pipeline, signal);
  const from = slot === null ? '' : ` after ${slot.confirmedFlush}`;
  const message = `${reason}; so the replication slot ${name} of ${control.where} was dropped, and the server frees its log: changes committed${from} that the target does not hold are lost to this pipeline. Run \`weir reset\` and copy again, with a higher limit or onLimit: keep.`;
  await writeNote(control, pipeline, NOTE + message);
  if (slot !== null) await dropSlot(control, name);
  return new WeirError('RETENTION_LIMIT', message);
}

/** The word that `giveUpSlot` has left; null where it has not. */
export async function readGivenUp(
  control: ControlConnection,
  pipeline: string,
): Promise<WeirError | null> {
  const note = await readNote(control, pipeline);
  return note.startsWith(NOTE) ? new WeirError('RETENTION_LIMIT', note.slice(NOTE.length)) : null;
}

const NOTE = 'weir: ';
