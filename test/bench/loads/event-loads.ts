import { EVENTS, EVENTS_TABLE, insertEvents } from '../data/events.ts';
import { withClient } from '../sql.ts';
import type { ChangeLoad } from './change-load.ts';

/** Changes of each transaction. */
interface Mix {
  inserts: number;
  updates: number;
  deletes: number;
}

const MIXED: Mix = { inserts: 50, updates: 40, deletes: 10 };
const INSERTS_ONLY: Mix = { inserts: 100, updates: 0, deletes: 0 };
const LARGE: Mix = { inserts: 25_000, updates: 20_000, deletes: 5_000 };

/** Transactions of 50 inserts, 40 updates and 10 deletes, on as many rows as there are changes. */
export const mixedLoad = (changes: number): ChangeLoad => eventLoad(MIXED, changes);

export const insertLoad = (changes: number): ChangeLoad => eventLoad(INSERTS_ONLY, changes);

/** The same mix in transactions of 50,000 changes. */
export const largeTransactions = (changes: number): ChangeLoad => eventLoad(LARGE, changes);

/**
 * Every change has a row of its own, spread over the table: nobody can save work by folding changes of the same row,
 * and nobody is helped by locality.
 */
function eventLoad(mix: Mix, wanted: number): ChangeLoad {
  const { inserts, updates, deletes } = mix;
  const size = inserts + updates + deletes;
  const transactions = Math.max(1, Math.round(wanted / size));
  const changes = transactions * size;
  const rows = changes;
  // The last tenth is for deleting, the rest for updating; 7919 is prime, so the keys come once each.
  const kept = rows - Math.floor(rows / 10);
  return {
    data: EVENTS,
    rows,
    changes,
    work: `${count(changes)} changes in ${count(transactions)} transactions (${inserts} inserts, ${updates} updates, ${deletes} deletes each) on ${count(rows)} rows`,
    write: (url, signal) =>
      withClient(url, signal, async (query) => {
        await query('SET synchronous_commit = off');
        await query(`DO $$
          BEGIN
            FOR t IN 0..${transactions - 1} LOOP
              ${insertEvents(
                `${rows + 1}::bigint + t * ${inserts}`,
                `${rows}::bigint + (t + 1) * ${inserts}`,
              )};
              UPDATE ${EVENTS_TABLE}
                SET title = 'changed ' || title, amount = amount + 1, updated_at = updated_at + interval '1 day'
                WHERE id IN (SELECT 1 + ((t * ${updates} + i)::bigint * 7919) % ${kept} FROM generate_series(0, ${updates - 1}) AS i);
              DELETE FROM ${EVENTS_TABLE}
                WHERE id IN (SELECT ${kept}::bigint + t * ${deletes} + i FROM generate_series(1, ${deletes}) AS i);
              COMMIT;
            END LOOP;
          END $$`);
      }).then(() => undefined),
  };
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
