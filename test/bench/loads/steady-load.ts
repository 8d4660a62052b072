import { setTimeout as sleep } from 'node:timers/promises';
import { EVENTS_TABLE, insertEvents } from '../data/events.ts';
import { withClient } from '../sql.ts';

/** How often it commits while it keeps a pace; each transaction has what is due since the last one. */
const TICK_MS = 10;
/** Of a transaction at full speed. */
const BURST = 200;

/** Half of the changes insert a row, half update one of the rows that were there, all in turn. */
export class SteadyLoad {
  /** Of the last row inserted; ids begin behind those of the table's first rows. */
  lastId: number;
  changes = 0;
  readonly #url: string;
  readonly #rows: number;

  /** On a table of events with that many rows. */
  constructor(url: string, rows: number) {
    this.#url = url;
    this.#rows = rows;
    this.lastId = rows;
  }

  /** The function that a transaction is one call of; at the source only. */
  async prepare(signal: AbortSignal): Promise<void> {
    await withClient(this.#url, signal, (query) =>
      query(`CREATE FUNCTION public.bench_tick(first bigint, pairs int, base int) RETURNS void LANGUAGE sql AS $$
        ${insertEvents('first', 'first + pairs - 1')};
        UPDATE ${EVENTS_TABLE} SET amount = amount + 1, updated_at = updated_at + interval '1 day'
          WHERE id IN (SELECT 1 + (first + i) % base FROM generate_series(0, pairs - 1) AS i);
      $$`),
    );
  }

  /** That many changes a second for as long; one that falls behind makes larger transactions. */
  async keepPace(perSecond: number, ms: number, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    let made = 0;
    await withClient(this.#url, signal, async (query) => {
      for (;;) {
        const elapsed = performance.now() - startedAt;
        if (elapsed >= ms) return;
        const pairs = Math.floor((perSecond * elapsed) / 2000) - made;
        if (pairs > 0) await this.#commit(query, pairs);
        made += Math.max(0, pairs);
        const rest = TICK_MS - ((performance.now() - startedAt) % TICK_MS);
        await sleep(rest, undefined, { signal });
      }
    });
  }

  /** As many changes as fast as the source takes them. */
  async burst(changes: number, signal: AbortSignal): Promise<void> {
    await withClient(this.#url, signal, async (query) => {
      for (let made = 0; made < changes; made += BURST) await this.#commit(query, BURST / 2);
    });
  }

  async #commit(query: (sql: string) => Promise<unknown>, pairs: number): Promise<void> {
    await query(`SELECT public.bench_tick(${this.lastId + 1}, ${pairs}, ${this.#rows})`);
    this.lastId += pairs;
    this.changes += 2 * pairs;
  }
}
