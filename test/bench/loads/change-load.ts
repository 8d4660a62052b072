import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSet } from '../data/data-set.ts';
import { withClient } from '../sql.ts';

/** Changes that are written at a source while nobody follows. */
export interface ChangeLoad {
  /** Filled with `rows` rows before it begins. */
  data: DataSet;
  rows: number;
  /** How many it makes; an insert, an update or a delete of a row is one. */
  changes: number;
  /** In words, with sizes. */
  work: string;
  /** Makes them, all but the markers. */
  write(url: string, signal: AbortSignal): Promise<void>;
}

const MARKER = 'public.marker';
/**
 * Rows that the last transaction inserts. Where changes travel in lanes by key, one row says nothing of the other
 * lanes; with so many, each of up to a dozen lanes has one at its end (it misses one of 12 with 12 · (11/12)^200 < 1e-6).
 */
const MARKERS = 200;

const POLL_MS = 10;

/** The same tables and the one that the last transaction writes to. */
export function withMarkers(data: DataSet): DataSet {
  return {
    tables: [...data.tables, { name: MARKER, order: 'id' }],
    definition: `${data.definition}; CREATE TABLE ${MARKER} (id bigint PRIMARY KEY)`,
    fill: (rows) => data.fill(rows),
  };
}

/** The last transaction. */
export async function writeMarkers(url: string, signal: AbortSignal): Promise<void> {
  await withClient(url, signal, (query) =>
    query(`INSERT INTO ${MARKER} SELECT generate_series(1, ${MARKERS})`),
  );
}

/** When the target showed the last transaction, so everything before it too; rejects when aborted before that. */
export async function waitForMarkers(url: string, signal: AbortSignal): Promise<number> {
  return withClient(url, signal, async (query) => {
    for (;;) {
      const seen = await query(`SELECT count(*) AS markers FROM ${MARKER}`);
      if (Number(seen[0]?.['markers']) === MARKERS) return Date.now();
      await sleep(POLL_MS, undefined, { signal });
    }
  });
}
