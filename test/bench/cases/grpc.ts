import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { projectRoot } from '../../../services/supervisor/embedded/project-root.ts';
import type { Bench, CaseReport, Measurement } from '../bench.ts';
import { awaitSuccess } from '../child-success.ts';
import { readProcess } from '../measure/process-record.ts';
import { PIPELINE, PipelineRun } from '../pipeline-run.ts';
import { runRace } from '../race.ts';

const ROWS = 1_000_000;
const ROW_BYTES = 200;
const STARTED_MS = 30_000;
const WEIR = path.join(projectRoot(), 'bin', 'weir');

/** Rows from a generator into nothing, both served by processes of their own as documents, against both in process. */
export async function runGrpc(bench: Bench): Promise<CaseReport> {
  const rows = Math.round(ROWS * bench.arguments.scale);
  const source = `random:?rows=${rows}&size=${ROW_BYTES}`;
  return runRace(bench, {
    name: 'grpc',
    work: `${rows.toLocaleString('en-US')} rows of ${ROW_BYTES} bytes, ${source} served, as BSON documents, to null: served`,
    amount: rows,
    unit: 'rows',
    baselines: [
      {
        name: 'random: to null: in process, as tuples',
        run: (signal) => run(bench, { source, target: 'null:' }, [], signal),
      },
    ],
    spans: [
      { key: 'ready', meaning: 'reading begins to all rows in' },
      { key: 'command', meaning: 'whole command' },
    ],
    goal: null,
    runWeir: (signal) => overGrpc(bench, source, signal),
  });
}

async function overGrpc(bench: Bench, source: string, signal: AbortSignal): Promise<Measurement> {
  const ends: ServedEnd[] = [];
  try {
    for (const url of [source, 'null:']) ends.push(await serve(url, signal));
    const [from, to] = ends as [ServedEnd, ServedEnd];
    return await run(bench, { source: from.url, target: to.url }, ends, signal);
  } finally {
    await Promise.all(ends.map((end) => stop(end)));
  }
}

async function run(
  bench: Bench,
  { source, target }: { source: string; target: string },
  ends: readonly ServedEnd[],
  signal: AbortSignal,
): Promise<Measurement> {
  const file = path.join(bench.directory, 'grpc.yaml');
  // JSON is YAML.
  const spec = {
    name: PIPELINE,
    mode: 'snapshot',
    source: { url: source },
    target: { url: target },
    nats: { url: bench.servers.nats.url },
  };
  await writeFile(file, JSON.stringify(spec));
  const before = ends.map(cpuOf);
  const running = await PipelineRun.start(bench, file, signal);
  const endedAtMs = await running.ended;
  const served = ends.map((end, i) => ({ end, ms: cpuOf(end) - before[i]! }));
  const { usage } = running;
  const lifeMs = endedAtMs - running.startedAtMs;
  const servedMs = served.reduce((sum, { ms }) => sum + ms, 0);
  const readingAtMs = running.reachedAtMs('reader epoch began');
  const readyMs = running.reachedAtMs('copy is in the target') - readingAtMs;
  await reset(bench, file);
  return {
    spans: { whole: readyMs, ready: readyMs, command: lifeMs },
    usage: {
      ...usage,
      cpuMs: {
        ...usage.cpuMs,
        ...Object.fromEntries(served.map(({ end, ms }) => [`served ${end.kind}`, ms])),
      },
      otherCores: Math.max(0, usage.otherCores - servedMs / lifeMs),
    },
  };
}

/** Where `PipelineRun` keeps the state of targets that cannot. */
async function reset(bench: Bench, file: string): Promise<void> {
  const child = spawn(process.execPath, [WEIR, 'reset', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
    signal: bench.signal,
    env: { ...process.env, XDG_STATE_HOME: path.join(bench.directory, 'state') },
  });
  await awaitSuccess(child, 'weir reset');
}

interface ServedEnd {
  child: ChildProcess;
  kind: string;
  url: string;
}

/** `weir connector serve` as a user starts it. */
async function serve(url: string, signal: AbortSignal): Promise<ServedEnd> {
  const child = spawn(
    process.execPath,
    [WEIR, 'connector', 'serve', url, '--listen', '127.0.0.1:0'],
    { stdio: ['ignore', 'pipe', 'inherit'], signal },
  );
  // Told where its line is waited for.
  child.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout });
  const started = AbortSignal.any([signal, AbortSignal.timeout(STARTED_MS)]);
  const [line] = (await once(lines, 'line', { signal: started })) as [string];
  const [address] = /grpc:\/\/\S+/.exec(line) ?? [];
  if (address === undefined) throw new Error(`weir connector serve said: ${line}`);
  return { child, kind: url.replace(/\?.*/, ''), url: address };
}

async function stop({ child }: ServedEnd): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
}

function cpuOf({ child }: ServedEnd): number {
  return readProcess(child.pid ?? 0)?.ownCpuMs ?? 0;
}
