import type { ClientBase, QueryResultRow } from 'pg';

/** How long a transaction of an earlier owner may keep the row, before it is ended from outside. */
const PATIENCE_MS = 3_000;
const LOCK_NOT_AVAILABLE = '55P03';

export interface ContestedRow {
  table: 'weir.lane' | 'weir.chunk';
  pipeline: string;
  /** The other column of its key, and its value. */
  column: 'lane' | 'id';
  value: number;
  /** What to read of it. */
  columns: string;
}

/**
 * Begins a transaction that holds the row. Whoever comes here is the row's owner by now; an earlier one may have
 * been stopped, or cut off, in the middle of a transaction, and its server process then holds the row for as long as
 * the server believes in the connection, which may be hours. It is ended: what it has not committed is written again
 * by the new owner.
 */
export async function beginWithRow<Row extends QueryResultRow>(
  client: ClientBase,
  row: ContestedRow,
): Promise<Row | undefined> {
  const { table, pipeline, column, value, columns } = row;
  for (;;) {
    await client.query(`BEGIN; SET LOCAL lock_timeout = ${PATIENCE_MS}`);
    try {
      const { rows } = await client.query<Row>(
        `SELECT ${columns} FROM ${table} WHERE pipeline = $1 AND ${column} = $2 FOR UPDATE`,
        [pipeline, value],
      );
      await client.query('SET LOCAL lock_timeout = 0');
      return rows[0];
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
    }
    await client.query('ROLLBACK');
    await endHolder(client, row);
  }
}

/** Only a session of this pipeline; anybody else who holds the row has a reason that is not known here. */
async function endHolder(client: ClientBase, row: ContestedRow): Promise<void> {
  await client.query(
    `SELECT pg_terminate_backend(a.pid)
     FROM ${row.table} r
     JOIN pg_locks l ON l.locktype = 'transactionid' AND l.transactionid = r.xmax AND l.granted
     JOIN pg_stat_activity a ON a.pid = l.pid AND a.application_name = current_setting('application_name')
     WHERE r.pipeline = $1 AND r.${row.column} = $2 AND a.pid <> pg_backend_pid()`,
    [row.pipeline, row.value],
  );
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE;
}
