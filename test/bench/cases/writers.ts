import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectHub } from '../../../shared/hub/hub.ts';
import { watchStatus } from '../../../shared/hub/status-board.ts';
import { FaultService } from '../../faults/fault-service.ts';
import type { Bench, CaseReport } from '../bench.ts';
import { runDeadline } from '../bench.ts';
import { sizeOf } from '../bench-arguments.ts';
import { createTables } from '../data/data-set.ts';
import { EVENTS, EVENTS_TABLE, insertEvents } from '../data/events.ts';
import { requireEqual } from '../equality.ts';
import { median, summarize } from '../measure/statistics.ts';
import { PIPELINE, resetPipeline } from '../pipeline-run.ts';
import { createDatabase, dropDatabase, runSql } from '../sql.ts';

const WRITERS = [1, 2, 4];
/** Stands for one writer again. */
const CONTROL = 0;
const LANES = 8;
const ROWS = 4_000;
const GOALS: Readonly<Record<number, number>> = { 2: 1.9, 4: 3.7 };
const WRITE_MS = 5;
const DATABASE = 'writers';
/** A target that takes so long for each row, and next to no processor: it waits, as for a disk or a network far away. */
const SLOW_TARGET = `
CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_sleep(${WRITE_MS / 1000}); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT ON ${EVENTS_TABLE} FOR EACH ROW EXECUTE FUNCTION public.slow();
ALTER TABLE ${EVENTS_TABLE} ENABLE ALWAYS TRIGGER slow`;

/** How changes a second grow with the writers, each with one connection, where the target is the limit. */
export async function runWriters(bench: Bench): Promise<CaseReport> {
  const rows = sizeOf(bench.arguments, ROWS);
  const rates = new Map<number, number[]>([...WRITERS, CONTROL].map((writers) => [writers, []]));
  for (let round = 0; round < bench.arguments.rounds; round++)
    for (const [writers, list] of rates) {
      const seconds = await oneRun(bench, writers || 1, rows);
      bench.say(`writers: ${writers || 'one again'} took ${seconds.toFixed(1)} s for ${rows} rows`);
      list.push(rows / seconds);
    }
  const alone = median(rates.get(1)!);
  const control = median(rates.get(CONTROL)!) / alone;
  return {
    name: 'writers',
    failure: null,
    lines: [
      `writers: ${rows} inserts into a target that takes ${WRITE_MS} ms for each, ${LANES} lanes, one connection a writer; median of ${bench.arguments.rounds} (least to most)`,
      ...WRITERS.map((writers) => {
        const { median: rate, least, most } = summarize(rates.get(writers)!);
        const goal = GOALS[writers];
        const verdict =
          goal === undefined ? '' : `, goal ${goal} ${rate / alone >= goal ? '' : 'not '}reached`;
        return `  ${writers}: ${rate.toFixed(0)} rows/s (${least.toFixed(0)} to ${most.toFixed(0)}), ${(rate / alone).toFixed(2)} of one${verdict}`;
      }),
      `  noise: one against itself ${control.toFixed(2)}`,
    ],
    figures: { rows, rates: Object.fromEntries(rates), control },
  };
}

/** Seconds from the commit at the source to the last row at the target. */
async function oneRun(bench: Bench, writers: number, rows: number): Promise<number> {
  const { source, target, nats } = bench.servers;
  const signal = AbortSignal.any([bench.signal, runDeadline(bench)]);
  const sourceUrl = await createDatabase(source, DATABASE, signal);
  const targetUrl = await createDatabase(target, DATABASE, signal);
  await createTables(sourceUrl, EVENTS, signal);
  await createTables(targetUrl, EVENTS, signal);
  await runSql(targetUrl, SLOW_TARGET, signal);
  const file = path.join(bench.directory, 'writers.yaml');
  const spec = {
    name: PIPELINE,
    source: { url: sourceUrl, namespaces: [EVENTS_TABLE] },
    target: { url: targetUrl },
    nats: { url: nats.url },
    lanes: LANES,
    workers: 1,
  };
  // JSON is YAML.
  await writeFile(file, JSON.stringify(spec));
  const services = [
    new FaultService('source-reader', file, {}),
    ...Array.from({ length: writers }, () => new FaultService('target-writer', file, {})),
  ];
  try {
    for (const service of services) service.start();
    await untilShared(nats.url, writers, signal);
    await runSql(sourceUrl, insertEvents('1::bigint', String(rows)), signal);
    const startedAtMs = performance.now();
    while ((await countOf(targetUrl, signal)) < rows) await sleep(50, undefined, { signal });
    const seconds = (performance.now() - startedAtMs) / 1000;
    await requireEqual(sourceUrl, targetUrl, EVENTS, signal);
    return seconds;
  } finally {
    await Promise.all(services.map((service) => service.stop()));
    await resetPipeline(file, bench.signal);
    await dropDatabase(source, DATABASE, bench.signal);
    await dropDatabase(target, DATABASE, bench.signal);
  }
}

async function countOf(url: string, signal: AbortSignal): Promise<number> {
  const [row] = await runSql(url, `SELECT count(*)::int AS n FROM ${EVENTS_TABLE}`, signal);
  return Number(row?.['n']);
}

/** Until the reader streams and every writer has its share of the lanes. */
async function untilShared(natsUrl: string, writers: number, signal: AbortSignal): Promise<void> {
  const hub = await connectHub({ url: natsUrl, name: 'bench' });
  const lanes = new Map<string, number>();
  let streams = false;
  const stop = watchStatus(hub.control, PIPELINE, (status) => {
    if (status.service === 'target-writer') lanes.set(status.id, status.lanes.length);
    if (status.service === 'source-reader') streams = status.phase === 'streaming';
  });
  try {
    const shared = (): boolean =>
      lanes.size === writers && [...lanes.values()].every((n) => n === LANES / writers);
    while (!streams || !shared()) await sleep(100, undefined, { signal });
  } finally {
    stop();
    await hub.close();
  }
}
