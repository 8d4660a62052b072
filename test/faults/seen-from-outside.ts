import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { connectHub } from '../../shared/hub/hub.ts';
import { watchStatus } from '../../shared/hub/status-board.ts';

/** Lag at the same moments: as the stats service tells it, and as somebody sees it who looks at both databases. */
export interface LagSample {
  toldMs: number;
  seenMs: number;
}

/** How far apart rows are written; each is a marker, whose commit is known to be at its time. */
const EVERY_MS = 100;

/**
 * Writes rows at the source and watches the target for them, by one clock. What is seen is the age of the oldest row that
 * was committed and is not there yet, each time that the stats service says something.
 */
export async function compareLag(
  urls: { sourceUrl: string; targetUrl: string; natsUrl: string; pipeline: string },
  firstId: number,
  isEnough: (samples: readonly LagSample[]) => boolean,
  signal: AbortSignal,
): Promise<LagSample[]> {
  const source = new pg.Client({ connectionString: urls.sourceUrl });
  const target = new pg.Client({ connectionString: urls.targetUrl });
  await Promise.all([source.connect(), target.connect()]);
  const hub = await connectHub({ url: urls.natsUrl, name: 'test/lag' });
  const committedAtMs = new Map<number, number>();
  const samples: LagSample[] = [];
  let toldMs: number | null = null;
  const stop = watchStatus(hub.control, urls.pipeline, (status) => {
    if (status.service === 'stats') toldMs = status.report.lagMs;
  });
  try {
    for (let id = firstId; !isEnough(samples); id++) {
      signal.throwIfAborted();
      await source.query('INSERT INTO public.t VALUES ($1, 0)', [id]);
      committedAtMs.set(id, Date.now());
      const { rows } = await target.query<{ id: number }>('SELECT id FROM public.t WHERE id >= $1', [firstId]); // prettier-ignore
      for (const row of rows) committedAtMs.delete(row.id);
      // Rows are written in order, and a Map keeps it.
      const [oldest] = committedAtMs.values();
      if (toldMs !== null && oldest !== undefined)
        samples.push({ toldMs, seenMs: Date.now() - oldest });
      toldMs = null;
      await sleep(EVERY_MS);
    }
    return samples;
  } finally {
    stop();
    await hub.close();
    await Promise.all([source.end(), target.end()]);
  }
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
