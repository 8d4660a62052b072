import { setTimeout as sleep } from 'node:timers/promises';
import { sizeOf } from '../bench-arguments.ts';
import { type Bench, type CaseReport, runDeadline } from '../bench.ts';
import { createFilledTables, createTables, type DataSet } from '../data/data-set.ts';
import { EVENTS } from '../data/events.ts';
import { NARROW } from '../data/shapes.ts';
import { requireEqual } from '../equality.ts';
import { SteadyLoad } from '../loads/steady-load.ts';
import { type Latency, latencyOf, readCommitTimes, waitForIds } from '../measure/commit-times.ts';
import { PipelineRun, resetPipeline, writePipelineFile } from '../pipeline-run.ts';
import { latencyLine } from '../report/latency-lines.ts';
import { createDatabase, dropDatabase } from '../sql.ts';
import { whileFollowed } from './latency-subject.ts';

const PER_SECOND = 2_000;
const DATABASE = 'latency';
const FOLLOWED_ROWS = 2_000;
const COPIED_ROWS = 3_000_000;
const KILL_AFTER_MS = 2_000;
const KILL_FOR_MS = 8_000;

/** How long a change of one table is on its way while another one is copied. */
export async function runLatencyInCopy(bench: Bench): Promise<CaseReport> {
  const rows = sizeOf(bench.arguments, COPIED_ROWS);
  const found: Latency[] = [];
  for (let round = 0; round < bench.arguments.rounds; round++) {
    found.push(await oneCopy(bench, rows, runDeadline(bench)));
    bench.say(latencyLine('latency-copy: in a copy', found.slice(-1)));
  }
  return {
    name: 'latency-copy',
    failure: null,
    lines: [
      `latency-copy: commit to commit, ${PER_SECOND} changes/s of a table that is in, while ${rows.toLocaleString('en-US')} rows of another one are copied; median of ${found.length} (least to most of p99)`,
      latencyLine('weir', found),
    ],
    figures: { rows, perSecond: PER_SECOND, weir: found },
  };
}

async function oneCopy(bench: Bench, rows: number, signal: AbortSignal): Promise<Latency> {
  const { source, target } = bench.servers;
  const both: DataSet = {
    // Tables are copied in the order of their names.
    tables: [...EVENTS.tables, ...NARROW.tables],
    definition: `${EVENTS.definition}; ${NARROW.definition}`,
    fill: () => [...EVENTS.fill(FOLLOWED_ROWS), ...NARROW.fill(rows)],
  };
  const sourceUrl = await createDatabase(source, DATABASE, signal);
  const targetUrl = await createDatabase(target, DATABASE, signal);
  await createFilledTables(sourceUrl, both, rows, signal);
  await createTables(targetUrl, both, signal);
  const load = new SteadyLoad(sourceUrl, FOLLOWED_ROWS);
  await load.prepare(signal);
  const file = await writePipelineFile(bench, both, sourceUrl, targetUrl);
  const run = await PipelineRun.start(bench, file, signal, { until: false });
  await run.reached('reader epoch began', signal);
  const over = new AbortController();
  const loading = load
    .keepPace(PER_SECOND, 600_000, AbortSignal.any([signal, over.signal]))
    .catch((error: unknown) => {
      if (!over.signal.aborted) throw error;
    });
  await run.reached('copy is in the target', signal);
  over.abort();
  await loading;
  await waitForIds(targetUrl, FOLLOWED_ROWS, load.lastId, signal);
  const times = await readCommitTimes(sourceUrl, targetUrl, FOLLOWED_ROWS, load.lastId, signal);
  await run.stop();
  await resetPipeline(file, signal);
  await requireEqual(sourceUrl, targetUrl, both, signal);
  await dropDatabase(target, DATABASE, signal);
  await dropDatabase(source, DATABASE, signal);
  const opened = times.reduce((least, { targetMs }) => Math.min(least, targetMs), Infinity);
  return latencyOf(times.filter(({ sourceMs }) => sourceMs > opened));
}

/** How long changes are in flight when a process dies meanwhile and is started again by `weir run`. */
export async function runLatencyAfterKill(bench: Bench): Promise<CaseReport> {
  const signal = AbortSignal.any([bench.signal, runDeadline(bench)]);
  const kinds = ['target-writer', 'source-reader'] as const;
  const { result } = await whileFollowed(bench, 'weir', signal, async ({ measure, run }) => {
    const found = { 'target-writer': [] as Latency[], 'source-reader': [] as Latency[] };
    for (let round = 0; round < bench.arguments.rounds; round++)
      for (const kind of kinds) {
        const times = await measure(async (load) => {
          const killed = sleep(KILL_AFTER_MS, undefined, { signal }).then(() => run?.kill(kind));
          await load.keepPace(PER_SECOND, KILL_FOR_MS, signal);
          await killed;
        });
        found[kind].push(latencyOf(times));
        bench.say(latencyLine(`latency-kill: of the ${kind}`, found[kind].slice(-1)));
      }
    return found;
  });
  return {
    name: 'latency-kill',
    failure: null,
    lines: [
      `latency-kill: commit to commit, ${PER_SECOND} changes/s for ${KILL_FOR_MS / 1000} s, a process killed after ${KILL_AFTER_MS / 1000} s; max is what a kill costs`,
      ...kinds.map((kind) => latencyLine(`the ${kind} killed`, result[kind])),
    ],
    figures: { perSecond: PER_SECOND, ...result },
  };
}
