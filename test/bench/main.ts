import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { toWeirError } from '../../shared/errors/weir-error.ts';
import { type BenchArguments, parseBenchArguments } from './bench-arguments.ts';
import { POSTGRES_SETTINGS, startBenchServers } from './bench-servers.ts';
import type { Bench, CaseReport } from './bench.ts';
import { runCatchUp } from './cases/catch-up.ts';
import { runCopy } from './cases/copy.ts';
import { runMemory } from './cases/memory.ts';
import { runWriters } from './cases/writers.ts';
import { canReadProcesses } from './measure/process-record.ts';
import { runSql } from './sql.ts';

const CASES: Record<string, (bench: Bench) => Promise<CaseReport>> = {
  copy: runCopy,
  'catch-up': runCatchUp,
  memory: runMemory,
  writers: runWriters,
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
      const bench: Bench = {
        servers,
        arguments: options,
        directory,
        signal,
        say: (line) => process.stderr.write(`${line}\n`),
      };
      const machine = await describeMachine(bench);
      console.log(machine);
      for (const name of options.cases) {
        const report = await CASES[name]!(bench);
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

async function describeMachine(bench: Bench): Promise<string> {
  const rows = await runSql(bench.servers.source.url, 'SHOW server_version', bench.signal);
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
