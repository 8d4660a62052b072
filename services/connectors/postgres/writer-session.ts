import type pg from 'pg';
import { connect, disconnect } from './connection.ts';
import { PreparedRows } from './prepared-rows.ts';
import { Staging } from './staging-tables.ts';

/**
 * A connection that writes, with what it keeps from batch to batch: its staging tables and prepared
 * statements.
 *
 * Foreign keys and triggers do not fire on it where the role may say so. Joins are between a batch and a table by
 * the table's key, and a nested loop over the key's index is the plan whose cost follows the batch; the planner, who
 * has no statistics of a staging table, is kept from reading the whole target instead.
 */
export class WriterSession {
  readonly client: pg.Client;
  readonly staging = new Staging();
  readonly prepared = new PreparedRows();

  constructor(client: pg.Client) {
    this.client = client;
  }

  async close(): Promise<void> {
    await disconnect(this.client);
  }
}

/** A process that stands still between two statements must not keep others from what it has locked. */
const NOT_IDLE_FOR_LONG = `SET idle_in_transaction_session_timeout = '60s'`;

/** For short questions about the pipeline itself. */
export async function openControlSession(
  url: string,
  applicationName: string,
): Promise<WriterSession> {
  const client = await connect(url, { applicationName });
  try {
    await client.query(NOT_IDLE_FOR_LONG);
  } catch (error) {
    await disconnect(client);
    throw error;
  }
  return new WriterSession(client);
}

/** `synchronous_commit = off` would let the source forget what the target can still lose. */
const SETTINGS = `
${NOT_IDLE_FOR_LONG};
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`;

export async function openWriterSession(
  url: string,
  applicationName: string,
): Promise<WriterSession> {
  const client = await connect(url, { applicationName });
  try {
    await client.query(SETTINGS);
    await bypassTriggers(client);
  } catch (error) {
    await disconnect(client);
    throw error;
  }
  return new WriterSession(client);
}

/** Keeps triggers and foreign keys from firing in this session; false where the role may not do so. */
export async function bypassTriggers(client: pg.Client): Promise<boolean> {
  try {
    await client.query('SET session_replication_role = replica');
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === '42501') return false;
    throw error;
  }
}

/** The opposite: in this session triggers and foreign keys fire as in any other. */
export async function enforceConstraints(client: pg.Client): Promise<void> {
  await client.query(
    `SELECT set_config('session_replication_role', 'origin', false) WHERE current_setting('session_replication_role') <> 'origin'`,
  );
}
