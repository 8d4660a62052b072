import type pg from 'pg';
import { connect, disconnect } from '../../connection/connection.ts';
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
  /** Whether the role may keep triggers and foreign keys from firing. */
  readonly bypasses: boolean;

  constructor(client: pg.Client, bypasses: boolean) {
    this.client = client;
    this.bypasses = bypasses;
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
  return new WriterSession(client, false);
}

const SETTINGS = `${NOT_IDLE_FOR_LONG}; SET enable_hashjoin = off; SET enable_mergejoin = off`;

export async function openWriterSession(
  url: string,
  applicationName: string,
): Promise<WriterSession> {
  const client = await connect(url, { applicationName });
  try {
    await client.query(SETTINGS);
    return new WriterSession(client, await bypassTriggers(client));
  } catch (error) {
    await disconnect(client);
    throw error;
  }
}

/** Keeps triggers and foreign keys from firing in this session; false where the role may not do so. */
export async function bypassTriggers(client: pg.Client): Promise<boolean> {
  return setReplicationRole(client, 'replica');
}

/** The opposite: in this session triggers and foreign keys fire as in any other; false where the role may not say so. */
export async function enforceConstraints(client: pg.Client): Promise<boolean> {
  return setReplicationRole(client, 'origin');
}

/** Whether it could be said, which is then not said: not within a transaction. */
export async function maySet(
  client: pg.Client,
  role: typeof bypassTriggers | typeof enforceConstraints,
): Promise<boolean> {
  await client.query('BEGIN');
  try {
    return await role(client);
  } finally {
    await client.query('ROLLBACK');
  }
}

/** What to do where constraints must be enforced and may not be. */
export const NOT_ENFORCED =
  'session_replication_role of the role or the database is not "origin", so that no constraint would be enforced, and the role may not change it; run as a superuser ALTER ROLE … RESET session_replication_role, ALTER DATABASE … RESET session_replication_role, and take it from the configuration of the server';

/** Where the role has it so already, it need not be allowed to say so. */
async function setReplicationRole(
  client: pg.Client,
  wanted: 'replica' | 'origin',
): Promise<boolean> {
  try {
    await client.query(
      `SELECT set_config('session_replication_role', '${wanted}', false) WHERE current_setting('session_replication_role') <> '${wanted}'`,
    );
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === '42501') return false;
    throw error;
  }
}
