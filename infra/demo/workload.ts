import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { isAbort } from '../../shared/errors/weir-error.ts';
import { openDatabase } from './database.ts';
import { createRandom } from './random.ts';
import { STEPS, type ShopBounds, type Step } from './workload-steps.ts';

export interface WorkloadOptions {
  /** Changed rows a second, about; the large transaction comes on top. */
  ratePerSecond: number;
  seed: number;
  /** One transaction of that many rows beside the others; left out, there is none. */
  largeTransaction?: { rows: number; afterMs: number };
}

export interface WorkloadCounts {
  /** Committed. */
  transactions: number;
  rolledBack: number;
  /** Rows changed by what was committed. */
  changes: number;
}

export interface Workload {
  readonly counts: WorkloadCounts;
  /** Rejects when the writing fails; resolves after `stop`. */
  readonly done: Promise<void>;
  /** One transaction of that many rows beside the others, now. */
  writeLarge(rows: number): Promise<void>;
  /** Ends after the transactions that are open, the large one too. */
  stop(): Promise<WorkloadCounts>;
}

/** Of a hundred transactions, this many are rolled back. */
const ROLLED_BACK_PERCENT = 5;

/** Writes to the shop at a steady rate until stopped: small transactions one after the other, and a large one beside. */
export async function startWorkload(url: string, options: WorkloadOptions): Promise<Workload> {
  const client = await openDatabase(url);
  const stop = new AbortController();
  const counts: WorkloadCounts = { transactions: 0, rolledBack: 0, changes: 0 };
  const writing = writeSteadily(client, counts, options, stop.signal).finally(() => client.end());
  const { largeTransaction } = options;
  const large =
    largeTransaction === undefined
      ? Promise.resolve()
      : pause(largeTransaction.afterMs, stop.signal).then(() =>
          stop.signal.aborted ? undefined : writeLarge(url, counts, largeTransaction.rows),
        );
  const done = Promise.all([writing, large]).then(() => undefined);
  // Also told to whoever stops it; until then an early failure must not end the process.
  done.catch(() => stop.abort());
  return {
    counts,
    done,
    writeLarge: (rows) => writeLarge(url, counts, rows),
    async stop() {
      stop.abort();
      await done;
      return counts;
    },
  };
}

async function writeSteadily(
  client: pg.Client,
  counts: WorkloadCounts,
  { ratePerSecond, seed }: WorkloadOptions,
  stop: AbortSignal,
): Promise<void> {
  const random = createRandom(seed);
  const bounds = await readBounds(client);
  let serial = await firstSerial(client, seed);
  const context = { client, random, bounds, next: () => serial++ };
  const startMs = performance.now();
  let changed = 0;
  while (!stop.aborted) {
    const rollsBack = random(100) < ROLLED_BACK_PERCENT;
    await client.query('BEGIN');
    let changes = 0;
    for (let steps = 1 + random(3); steps > 0; steps--) changes += await pick(random).run(context);
    if (random(20) === 0) {
      // Part of a transaction taken back: its rows were written to the log and must not arrive.
      await client.query('SAVEPOINT part');
      await pick(random).run(context);
      await client.query('ROLLBACK TO SAVEPOINT part');
    }
    await client.query(rollsBack ? 'ROLLBACK' : 'COMMIT');
    if (rollsBack) counts.rolledBack++;
    else {
      counts.transactions++;
      counts.changes += changes;
    }
    changed += changes;
    const aheadMs = (changed / ratePerSecond) * 1_000 - (performance.now() - startMs);
    if (aheadMs > 1) await pause(Math.min(aheadMs, 1_000), stop);
  }
}

/** On a connection of its own, so that it is open while many small ones commit. Touches only rows of its own. */
async function writeLarge(url: string, counts: WorkloadCounts, rows: number): Promise<void> {
  const client = await openDatabase(url);
  try {
    const inserts = Math.ceil(rows / 2);
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO shop.events (kind, payload, at)
       SELECT 'large', jsonb_build_object('n', n), clock_timestamp() FROM generate_series(1, $1::int) n`,
      [inserts],
    );
    const { rowCount } = await client.query(
      `UPDATE shop.events SET amount = id, kind = 'large, updated' WHERE kind = 'large'`,
    );
    await client.query('COMMIT');
    counts.transactions++;
    counts.changes += inserts + (rowCount ?? 0);
  } finally {
    await client.end();
  }
}

/** Each seed has a million numbers of its own; a second run with it goes on behind the first. */
async function firstSerial(client: pg.Client, seed: number): Promise<number> {
  const least = (seed % 1000) * 1_000_000;
  const { rows } = await client.query<{ last: number | null }>(
    `SELECT greatest(
       (SELECT max(id) FROM shop.orders WHERE id BETWEEN $1 AND $2),
       (SELECT max(id) FROM shop.customers WHERE id BETWEEN $1 AND $2),
       (SELECT max(id) FROM shop.measurements WHERE id BETWEEN $1 AND $2))::float8 - 1e9 AS last`,
    [1_000_000_000 + least, 1_000_999_999 + least],
  );
  return (rows[0]?.last ?? least - 1) + 1;
}

async function readBounds(client: pg.Client): Promise<ShopBounds> {
  const { rows } = await client.query<ShopBounds>(
    `SELECT (SELECT count(*)::int FROM shop.customers WHERE id < 1000000000) AS customers,
       (SELECT count(*)::int FROM shop.orders WHERE id < 1000000000) AS orders,
       (SELECT max(id)::float8 FROM shop.events) AS events,
       (SELECT max(id) FROM shop.contracts) AS contracts,
       (SELECT count(*)::int FROM shop.measurements WHERE id < 1000000000) AS measurements,
       (SELECT max(id) FROM shop.seats) AS seats,
       (SELECT count(*)::int FROM shop.settings) AS settings`,
  );
  return rows[0]!;
}

const TOTAL_WEIGHT = STEPS.reduce((sum, step) => sum + step.weight, 0);

function pick(random: (below: number) => number): Step {
  let at = random(TOTAL_WEIGHT);
  return STEPS.find((step) => (at -= step.weight) < 0) ?? STEPS[0]!;
}

async function pause(ms: number, stop: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal: stop });
  } catch (error) {
    if (!isAbort(error)) throw error;
  }
}
