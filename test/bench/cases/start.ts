import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../../../services/supervisor/embedded/project-root.ts';
import { type Bench, type CaseReport, runDeadline } from '../bench.ts';
import { awaitSuccess } from '../child-success.ts';
import { createFilledTables, createTables } from '../data/data-set.ts';
import { EVENTS, EVENTS_TABLE } from '../data/events.ts';
import { requireEqual } from '../equality.ts';
import { readProcess } from '../measure/process-record.ts';
import { median, summarize } from '../measure/statistics.ts';
import { PIPELINE, PipelineRun, resetPipeline } from '../pipeline-run.ts';
import { medianUsage } from '../report/usage-lines.ts';
import { createDatabase, dropDatabase, withClient } from '../sql.ts';

const HELPS = 11;
const ROWS = 1_000;
const DATABASE = 'start';
const POLL_MS = 10;
const GOAL_HELP_MS = 150;
const GOAL_ROW_MS = 3_000;

/** How long until help is there, and until the first row is in the target. */
export async function runStart(bench: Bench): Promise<CaseReport> {
  const weir = path.join(projectRoot(), 'bin', 'weir');
  const commands = { node: ['-e', '0'], help: [weir, '--help'] };
  const times = { node: [] as Start[], help: [] as Start[] };
  for (let i = 0; i < HELPS; i++)
    for (const name of ['node', 'help'] as const) times[name].push(await startOf(commands[name]));
  const runs: Record<string, FirstRow[]> = { 'its own broker': [], 'a broker that runs': [] };
  for (let round = 0; round < bench.arguments.rounds; round++)
    for (const [kind, list] of Object.entries(runs)) {
      const natsUrl = kind === 'its own broker' ? null : bench.servers.nats.url;
      list.push(await firstRow(bench, natsUrl, runDeadline(bench)));
      bench.say(`start: first row after ${Math.round(list.at(-1)!.rowMs)} ms with ${kind}`);
    }
  const help = median(times.help.map(({ wallMs }) => wallMs));
  return {
    name: 'start',
    failure: null,
    lines: [
      `start: median of ${HELPS} and of ${bench.arguments.rounds} (least to most)`,
      startLine('node -e 0, the floor', times.node),
      `${startLine('weir --help', times.help)}, goal ${GOAL_HELP_MS} ms ${verdict(help, GOAL_HELP_MS)}`,
      ...Object.entries(runs).flatMap(([kind, list]) => [firstRowLine(kind, list), cpuLine(list)]),
    ],
    figures: { ...times, runs },
  };
}

interface Start {
  wallMs: number;
  cpuMs: number;
}

async function startOf(args: readonly string[]): Promise<Start> {
  const before = cpuOfEndedChildren();
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  await awaitSuccess(child, args.join(' '));
  return { wallMs: performance.now() - startedAt, cpuMs: cpuOfEndedChildren() - before };
}

/** In steps of 10 ms. */
function cpuOfEndedChildren(): number {
  const self = readProcess(process.pid);
  return self === null ? Number.NaN : self.cpuMs - self.ownCpuMs;
}

interface FirstRow {
  /** Milliseconds from the start of the command. */
  servicesMs: number;
  readingMs: number;
  rowMs: number;
  usage: PipelineRun['usage'];
}

/** `weir run` of a small table, from the start of the command to its first row at the target. */
async function firstRow(
  bench: Bench,
  natsUrl: string | null,
  signal: AbortSignal,
): Promise<FirstRow> {
  const { source, target } = bench.servers;
  const sourceUrl = await createDatabase(source, DATABASE, signal);
  const targetUrl = await createDatabase(target, DATABASE, signal);
  await createFilledTables(sourceUrl, EVENTS, ROWS, signal);
  await createTables(targetUrl, EVENTS, signal);
  const file = path.join(bench.directory, 'start.yaml');
  const spec = {
    name: PIPELINE,
    source: { url: sourceUrl, namespaces: [EVENTS_TABLE] },
    target: { url: targetUrl },
    ...(natsUrl === null ? {} : { nats: { url: natsUrl } }),
  };
  // JSON is YAML.
  await writeFile(file, JSON.stringify(spec));
  const atMs = await withClient(targetUrl, signal, async (query) => {
    const run = await PipelineRun.start(bench, file, signal, { until: false });
    run.ended.catch(() => undefined);
    while ((await query(`SELECT 1 FROM ${EVENTS_TABLE} LIMIT 1`)).length === 0)
      await sleep(POLL_MS, undefined, { signal });
    const rowAtMs = Date.now();
    const { usage } = run;
    await run.reached('copy is in the target', signal);
    await run.stop();
    return {
      servicesMs: run.reachedAtMs('service started') - run.startedAtMs,
      readingMs: run.reachedAtMs('reader epoch began') - run.startedAtMs,
      rowMs: rowAtMs - run.startedAtMs,
      usage,
    };
  });
  await resetPipeline(file, signal);
  await requireEqual(sourceUrl, targetUrl, EVENTS, signal);
  await dropDatabase(target, DATABASE, signal);
  await dropDatabase(source, DATABASE, signal);
  return atMs;
}

function startLine(name: string, starts: readonly Start[]): string {
  const { median: wall, least, most } = summarize(starts.map(({ wallMs }) => wallMs));
  const cpu = starts.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / starts.length;
  return `  ${name}: ${wall.toFixed(0)} ms (${least.toFixed(0)} to ${most.toFixed(0)}), CPU ${cpu.toFixed(0)} ms`;
}

function firstRowLine(kind: string, list: readonly FirstRow[]): string {
  const { median: row, least, most } = summarize(list.map(({ rowMs }) => rowMs));
  const services = median(list.map(({ servicesMs }) => servicesMs));
  const reading = median(list.map(({ readingMs }) => readingMs));
  return `  weir run with ${kind}: first row after ${row.toFixed(0)} ms (${least.toFixed(0)} to ${most.toFixed(0)}), the reader up after ${services.toFixed(0)}, reading after ${reading.toFixed(0)}; goal ${GOAL_ROW_MS} ms ${verdict(row, GOAL_ROW_MS)}`;
}

function cpuLine(list: readonly FirstRow[]): string {
  const { cpuMs } = medianUsage(list.map(({ usage }) => ({ spans: {}, usage })));
  return `    CPU ms until then: ${Object.entries(cpuMs)
    .map(([name, ms]) => `${name} ${ms.toFixed(0)}`)
    .join(', ')}`;
}

function verdict(value: number, goal: number): string {
  return value <= goal ? 'reached' : 'not reached';
}
