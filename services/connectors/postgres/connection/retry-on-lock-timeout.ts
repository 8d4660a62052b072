import type pg from 'pg';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { pause } from '../../../../shared/lifecycle/backoff.ts';
import type { ControlConnection } from './control-connection.ts';

/** Longer than it takes until autovacuum gives way to somebody who waits for it (`deadlock_timeout`). */
const LOCK_TIMEOUT = '3s';
const RETRY_MS = 500;

/**
 * Runs statements that need locks on other people's tables, in a transaction: as long as a lock is not to be had, all of it
 * again and again, so that nobody has to wait behind us for long and a stop is heard. `LockWatch` says whom it waits for.
 */
export async function retryOnLockTimeout<T>(
  control: ControlConnection,
  doing: string,
  signal: AbortSignal,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await control.run(doing, (client) => inTransaction(client, work));
    } catch (error) {
      if (!(error instanceof WeirError) || error.details['sqlState'] !== '55P03') throw error;
    }
    await pause(RETRY_MS, signal);
    signal.throwIfAborted();
  }
}

async function inTransaction<T>(
  client: pg.Client,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  await client.query(`BEGIN; SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
  try {
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
