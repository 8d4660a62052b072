import type { ClientBase, QueryResultRow } from 'pg';

/** How long a transaction of an earlier owner may keep a row, before it is ended from outside. */
const PATIENCE_MS = 2_000;
const LOCK_NOT_AVAILABLE = '55P03';

export interface ContestedRows {
  table: 'weir.lane' | 'weir.chunk';
  /** What to read of them. */
  columns: string;
  where: string;
  values: unknown[];
}

/** Begins a transaction that holds the rows, as `takeOverRows`. */
export function beginWithRows<Row extends QueryResultRow>(
  client: ClientBase,
  rows: ContestedRows,
): Promise<Row[]> {
  return lockRows(client, rows, 'BEGIN', 'ROLLBACK');
}

/**
 * Holds the rows from now on to the end of the open transaction. Whoever comes here is their owner by now; an earlier
 * one may have been stopped, or cut off, in the middle of a transaction, or may wait for what a reader that is gone
 * will never send. Its server process then holds the rows for as long as the server believes in the connection, which
 * may be hours. It is ended: what it has not committed is written again by the new owner.
 */
export function takeOverRows<Row extends QueryResultRow>(
  client: ClientBase,
  rows: ContestedRows,
): Promise<Row[]> {
  return lockRows(client, rows, 'SAVEPOINT contested', 'ROLLBACK TO SAVEPOINT contested');
}

async function lockRows<Row extends QueryResultRow>(
  client: ClientBase,
  rows: ContestedRows,
  begin: string,
  undo: string,
): Promise<Row[]> {
  const { table, columns, where, values } = rows;
  for (;;) {
    await client.query(`${begin}; SET LOCAL lock_timeout = ${PATIENCE_MS}`);
    try {
      const taken = await client.query<Row>(
        `SELECT ${columns} FROM ${table} r WHERE ${where} FOR UPDATE`,
        values,
      );
      await client.query('SET LOCAL lock_timeout = 0');
      return taken.rows;
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
    }
    await client.query(undo);
    await endHolders(client, rows);
  }
}

/**
 * Only sessions of this pipeline that have been waiting for their client; a server process that works, such as one
 * that stores a plan, comes to its end by itself, and anybody else has a reason that is not known here.
 */
async function endHolders(client: ClientBase, { table, where, values }: ContestedRows) {
  // In a transaction both the clock of `now()` and the first look at `pg_stat_activity` stand still.
  await client.query('SELECT pg_stat_clear_snapshot()');
  await client.query(
    `SELECT pg_terminate_backend(pid) FROM (
       SELECT DISTINCT a.pid FROM ${table} r
       JOIN pg_locks l ON l.locktype = 'transactionid' AND l.transactionid = r.xmax AND l.granted
       JOIN pg_stat_activity a ON a.pid = l.pid AND a.application_name = current_setting('application_name')
         AND a.wait_event = 'ClientRead' AND a.state_change < clock_timestamp() - interval '1 second'
       WHERE ${where} AND a.pid <> pg_backend_pid()) holder`,
    values,
  );
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE;
}
