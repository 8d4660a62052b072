import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { openDatabase } from './database.ts';

export interface LagPercentiles {
  markers: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

export interface Markers {
  /** Rejects when a database cannot be asked any more. */
  readonly done: Promise<void>;
  /** Ends the writing and waits a while for the last markers. */
  stop(): Promise<LagPercentiles>;
}

const WRITE_EVERY_MS = 50;
const POLL_EVERY_MS = 4;
const LAST_WAIT_MS = 10_000;

/**
 * Measures the lag from outside: rows written to `shop.markers` at the source, and looked for at the target. What is
 * measured is from the commit's answer at the source to a query at the target that sees the row.
 */
export async function startMarkers(sourceUrl: string, targetUrl: string): Promise<Markers> {
  const source = await openDatabase(sourceUrl);
  const target = await openDatabase(targetUrl);
  const committedAtMs: number[] = [];
  const lagsMs: number[] = [];
  const first = await nextMarker(source);
  let stopping = false;

  async function write(): Promise<void> {
    while (!stopping) {
      await source.query('INSERT INTO shop.markers (id) VALUES ($1)', [
        first + committedAtMs.length,
      ]);
      committedAtMs.push(performance.now());
      await sleep(WRITE_EVERY_MS);
    }
  }

  async function poll(): Promise<void> {
    let stoppedAtMs: number | undefined;
    while (!stopping || lagsMs.length < committedAtMs.length) {
      if (stopping) stoppedAtMs ??= performance.now();
      if (stoppedAtMs !== undefined && performance.now() - stoppedAtMs > LAST_WAIT_MS) return;
      const { rows } = await target.query<{ last: number | null }>(
        'SELECT max(id)::float8 AS last FROM shop.markers',
      );
      const seen = Math.min((rows[0]?.last ?? first - 1) - first + 1, committedAtMs.length);
      const now = performance.now();
      while (lagsMs.length < seen) lagsMs.push(now - committedAtMs[lagsMs.length]!);
      await sleep(POLL_EVERY_MS);
    }
  }

  const done = Promise.all([write(), poll()]).then(() => undefined);
  // Seen by `stop` too; until then a failure must not end the process.
  done.catch(() => (stopping = true));
  return {
    done,
    async stop() {
      stopping = true;
      try {
        await done;
      } finally {
        await Promise.all([source.end(), target.end()]);
      }
      return percentiles(lagsMs);
    },
  };
}

async function nextMarker(source: pg.Client): Promise<number> {
  const { rows } = await source.query<{ next: number }>(
    'SELECT coalesce(max(id), 0)::float8 + 1 AS next FROM shop.markers',
  );
  return rows[0]!.next;
}

export function percentiles(valuesMs: readonly number[]): LagPercentiles {
  const sorted = [...valuesMs].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { markers: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}
