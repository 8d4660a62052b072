import { copyByPipe } from '../baselines/copy-pipe.ts';
import type { Bench, CaseReport, Measurement } from '../bench.ts';
import { waitForRows } from '../chunk-watch.ts';
import { requireEqual } from '../equality.ts';
import { createEvents, createFilledEvents, eventBytes, EVENTS } from '../events-table.ts';
import { PipelineRun, resetPipeline, writePipelineFile } from '../pipeline-run.ts';
import { runRace } from '../race.ts';
import { checkpoint, createDatabase, dropDatabase } from '../sql.ts';

const ROWS = 1_000_000;
const DATABASE = 'copy';

/** Copies a table into an empty one that exists, key and all; each run into a database of its own. */
export async function runCopy(bench: Bench): Promise<CaseReport> {
  const { servers, signal } = bench;
  const rows = Math.round(ROWS * bench.arguments.scale);
  bench.say(`copy: writing ${rows} rows`);
  const sourceUrl = await createDatabase(servers.source, DATABASE, signal);
  await createFilledEvents(sourceUrl, rows, signal);
  const megabytes = Math.round((await eventBytes(sourceUrl, signal)) / 1e6);
  const report = await runRace(bench, {
    name: 'copy',
    work: `${rows.toLocaleString('en-US')} rows, ${megabytes} MB, into a table with its key`,
    amount: rows,
    unit: 'rows',
    baseline: 'binary COPY to COPY, two psql and a pipe',
    spans: [
      { key: 'ready', meaning: 'reading begins to table ready' },
      { key: 'rows', meaning: 'reading begins to all rows in' },
      { key: 'services', meaning: 'services start to table ready' },
      { key: 'command', meaning: 'whole command' },
    ],
    goal: 0.6,
    runBaseline: (s) =>
      intoFreshTable(bench, s, (targetUrl) => copyByPipe(sourceUrl, targetUrl, servers, s)),
    runWeir: (s) =>
      intoFreshTable(bench, s, (targetUrl) => copyByWeir(bench, sourceUrl, targetUrl, rows, s)),
  });
  await dropDatabase(servers.source, DATABASE, signal);
  return report;
}

async function intoFreshTable(
  bench: Bench,
  signal: AbortSignal,
  copy: (targetUrl: string) => Promise<Measurement>,
): Promise<Measurement> {
  const { source, target } = bench.servers;
  const targetUrl = await createDatabase(target, DATABASE, signal);
  await createEvents(targetUrl, signal);
  await checkpoint([source, target], signal);
  const measured = await copy(targetUrl);
  await requireEqual(source.urlOf(DATABASE), targetUrl, EVENTS, signal);
  await dropDatabase(target, DATABASE, signal);
  return measured;
}

/** One copy by a pipeline made for it, removed again afterwards. */
export async function copyByWeir(
  bench: Bench,
  sourceUrl: string,
  targetUrl: string,
  rows: number,
  signal: AbortSignal,
): Promise<Measurement> {
  const file = await writePipelineFile(bench, sourceUrl, targetUrl);
  const run = await PipelineRun.start(bench, file, signal);
  const rowsAtMs = await run.endWith((s) => waitForRows(bench.servers.nats.url, rows, s), signal);
  const endedAtMs = await run.ended;
  const readingAtMs = run.reachedAtMs('reader epoch began');
  const readyAtMs = Math.max(rowsAtMs, run.reachedAtMs('copy is in the target'));
  await resetPipeline(file, signal);
  return {
    spans: {
      ready: readyAtMs - readingAtMs,
      rows: rowsAtMs - readingAtMs,
      services: readyAtMs - run.reachedAtMs('service started'),
      command: endedAtMs - run.startedAtMs,
    },
    usage: run.usage,
  };
}
