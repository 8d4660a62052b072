import { setTimeout as sleep } from 'node:timers/promises';
import { EVENTS_TABLE } from '../data/events.ts';
import { runSql, withClient } from '../sql.ts';

const POLL_MS = 100;
const COMMITTED_AT = 'pg_xact_commit_timestamp(xmin)';

/** One row: when it was committed at the source and at the target, in milliseconds of the same clock. */
export interface CommitTimes {
  sourceMs: number;
  targetMs: number;
}

/** Waits until the target has that many rows with an id above `first`, up to `last`. */
export async function waitForIds(
  targetUrl: string,
  first: number,
  last: number,
  signal: AbortSignal,
): Promise<void> {
  await withClient(targetUrl, signal, async (query) => {
    for (;;) {
      const [row] = await query(
        `SELECT count(*) AS rows FROM ${EVENTS_TABLE} WHERE id > ${first} AND id <= ${last}`,
      );
      if (Number(row?.['rows']) === last - first) return;
      await sleep(POLL_MS, undefined, { signal });
    }
  });
}

/**
 * Of the rows with these ids, which nobody has touched since they were inserted. Nothing is asked or written for it while
 * it is measured: PostgreSQL keeps the time of each commit (pg_xact_commit_timestamp), noted before it waits for the disk.
 */
export async function readCommitTimes(
  sourceUrl: string,
  targetUrl: string,
  first: number,
  last: number,
  signal: AbortSignal,
  atTarget = COMMITTED_AT,
): Promise<CommitTimes[]> {
  const timesAt = (url: string, time: string) =>
    runSql(
      url,
      `SELECT id, extract(epoch FROM ${time}) * 1000 AS ms
         FROM ${EVENTS_TABLE} WHERE id > ${first} AND id <= ${last} ORDER BY id`,
      signal,
    );
  const [source, target] = await Promise.all([
    timesAt(sourceUrl, COMMITTED_AT),
    timesAt(targetUrl, atTarget),
  ]);
  if (source.length !== target.length)
    throw new Error(`${source.length} rows at the source, ${target.length} at the target`);
  return source.map(({ ms }, i) => ({
    sourceMs: Number(ms),
    targetMs: Number(target[i]?.['ms']),
  }));
}

/** Milliseconds from commit to commit. */
export interface Latency {
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

export function latencyOf(times: readonly CommitTimes[]): Latency {
  const sorted = times.map((time) => time.targetMs - time.sourceMs).sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
