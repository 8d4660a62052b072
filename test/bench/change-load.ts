import { setTimeout as sleep } from 'node:timers/promises';
import { EVENTS, eventColumns } from './events-table.ts';
import { withClient } from './sql.ts';

/** Of each transaction; the sum is what a rate in changes per second counts. */
const INSERTS = 50;
const UPDATES = 40;
const DELETES = 10;
export const CHANGES_PER_TRANSACTION = INSERTS + UPDATES + DELETES;

/**
 * Rows that the last transaction inserts. Where changes travel in lanes by key, one row says nothing of the other
 * lanes; with so many, each of up to a dozen lanes has one at its end (it misses one of 12 with 12 · (11/12)^200 < 1e-6).
 */
const MARKERS = 200;

const POLL_MS = 10;

/**
 * Changes a table of `rows` rows in that many transactions. Every change has a row of its own, spread over the table:
 * nobody can save work by folding changes of the same row, and nobody is helped by locality.
 */
export async function writeChanges(
  url: string,
  rows: number,
  transactions: number,
  signal: AbortSignal,
): Promise<void> {
  // The last tenth is for deleting, the rest for updating; 7919 is prime, so the keys come once each.
  const kept = rows - Math.floor(rows / 10);
  await withClient(url, signal, async (query) => {
    await query('SET synchronous_commit = off');
    await query(`DO $$
      BEGIN
        FOR t IN 0..${transactions - 1} LOOP
          INSERT INTO ${EVENTS} SELECT ${eventColumns('n')}
            FROM generate_series(${rows + 1}::bigint + t * ${INSERTS}, ${rows}::bigint + (t + 1) * ${INSERTS}) AS n;
          UPDATE ${EVENTS}
            SET title = 'changed ' || title, amount = amount + 1, updated_at = updated_at + interval '1 day'
            WHERE id IN (SELECT 1 + ((t * ${UPDATES} + i)::bigint * 7919) % ${kept} FROM generate_series(0, ${UPDATES - 1}) AS i);
          DELETE FROM ${EVENTS}
            WHERE id IN (SELECT ${kept}::bigint + t * ${DELETES} + i FROM generate_series(1, ${DELETES}) AS i);
          COMMIT;
        END LOOP;
      END $$`);
    await query(
      `INSERT INTO ${EVENTS} SELECT -n, ${eventColumns('n').slice('n,'.length)} FROM generate_series(1::bigint, ${MARKERS}) AS n`,
    );
  });
}

/** When the target showed the last transaction, so everything before it too; rejects when aborted before that. */
export async function waitForChanges(url: string, signal: AbortSignal): Promise<number> {
  return withClient(url, signal, async (query) => {
    for (;;) {
      const seen = await query(`SELECT count(*) AS markers FROM ${EVENTS} WHERE id < 0`);
      if (Number(seen[0]?.['markers']) === MARKERS) return Date.now();
      await sleep(POLL_MS, undefined, { signal });
    }
  });
}
