import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { toWeirError } from '../../shared/errors/weir-error.ts';
import { type BenchArguments, parseBenchArguments } from './bench-arguments.ts';
import { type BenchServers, POSTGRES_SETTINGS, startBenchServers } from './bench-servers.ts';
import type { Bench, CaseReport } from './bench.ts';
import { CATCH_UP_CASES } from './cases/catch-up.ts';
import { COPY_CASES } from './cases/copy.ts';
import { GROWTH_CASES } from './cases/growth.ts';
import { runGrpc } from './cases/grpc.ts';
import { runLatencyAfterKill, runLatencyInCopy } from './cases/latency-disturbed.ts';
import { runLatency } from './cases/latency.ts';
import { runMemory } from './cases/memory.ts';
import { runOverhead } from './cases/overhead.ts';
import { runStart } from './cases/start.ts';
import { runTransform } from './cases/transform.ts';
import { runWriters } from './cases/writers.ts';
import { canReadProcesses } from './measure/process-record.ts';
import { runSql } from './sql.ts';

const CASES: Record<string, (bench: Bench) => Promise<CaseReport>> = {
  ...COPY_CASES,
  ...CATCH_UP_CASES,
  latency: runLatency,
  'latency-copy': runLatencyInCopy,
  'latency-kill': runLatencyAfterKill,
  ...GROWTH_CASES,
  memory: runMemory,
  start: runStart,
  transform: runTransform,
  grpc: runGrpc,
  writers: runWriters,
  overhead: runOverhead,
};
const USUAL = ['copy', 'catch-up'];

await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<void> {
  const interrupted = interruption();
  try {
    const options = parseBenchArguments(argv, Object.keys(CASES), USUAL);
    const reports = await runCases(options, interrupted);
    if (reports.some(({ failure }) => failure !== null)) process.exitCode = 1;
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = interrupted.aborted ? 130 : toWeirError(error).exitCode;
  }
}

async function runCases(options: BenchArguments, signal: AbortSignal): Promise<CaseReport[]> {
  const directory = await mkdtemp(path.join(tmpdir(), 'weir-bench-'));
  const reports: CaseReport[] = [];
  try {
    const servers = await startBenchServers(signal);
    try {
      const machine = await describeMachine(servers, signal);
      console.log(machine);
      for (const name of options.cases) {
        const report = await CASES[name]!({
          servers,
          arguments: await withProfilesOf(name, options),
          directory,
          signal,
          say: (line) => process.stderr.write(`${line}\n`),
        });
        reports.push(report);
        console.log(`\n${report.lines.join('\n')}`);
        if (report.failure !== null) console.log(`  FAILED: ${report.failure}`);
      }
      if (options.jsonFile !== undefined)
        await writeFile(
          options.jsonFile,
          `${JSON.stringify({ machine, scale: options.scale, cases: reports }, null, 2)}\n`,
        );
    } finally {
      await servers.stop();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return reports;
}

/** Each case gets a new directory for its profiles, so that they are of one run. */
async function withProfilesOf(name: string, options: BenchArguments): Promise<BenchArguments> {
  if (options.profileDirectory === undefined) return options;
  await mkdir(options.profileDirectory, { recursive: true });
  const profileDirectory = await mkdtemp(path.join(options.profileDirectory, `${name}-`));
  return { ...options, profileDirectory };
}

async function describeMachine(servers: BenchServers, signal: AbortSignal): Promise<string> {
  const rows = await runSql(servers.source.url, 'SHOW server_version', signal);
  const settings = Object.entries(POSTGRES_SETTINGS).map(([name, value]) => `${name}=${value}`);
  return [
    `${availableParallelism()} cores, load ${(loadavg()[0] ?? 0).toFixed(1)} before the start`,
    `PostgreSQL ${String(rows[0]?.['server_version'])} at both ends (${settings.join(', ')})`,
    `Node ${process.version}`,
    ...(canReadProcesses() ? [] : ['no /proc here: CPU and memory are not measured']),
  ].join('; ');
}

/** Aborted by the first Ctrl-C or SIGTERM; a second one ends at once, and the servers' leashes clean up. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      process.stderr.write('bench: stopping\n');
      controller.abort(new Error(`stopped by ${name}`));
    });
  return controller.signal;
}
