import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { startChild } from '../../services/supervisor/embedded/child-process.ts';
import { findFreePort } from '../../services/supervisor/embedded/free-port.ts';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { findOnPath, isExecutable } from '../../services/supervisor/embedded/search-path.ts';
import { waitFor } from './wait-for.ts';

/** `prometheus` or `promtool` of this machine, else of the package that the set-up has fetched. */
export function findPrometheus(name: 'prometheus' | 'promtool'): string | undefined {
  const fetched = path.join(projectRoot(), '.weir', 'prometheus', 'usr', 'bin', name);
  return findOnPath(name) ?? (isExecutable(fetched) ? fetched : undefined);
}

/** Rejects with what it printed where it does not end with 0. */
export async function runPromtool(args: string[]): Promise<string> {
  const cwd = path.join(projectRoot(), 'infra', 'prometheus');
  const { stdout } = await promisify(execFile)(findPrometheus('promtool')!, args, { cwd });
  return stdout;
}

export interface TestPrometheus {
  /** What a query gives now: each result's labels and value. */
  query(expr: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]>;
}

/** A real Prometheus with that configuration (JSON is YAML), ended after the test. */
export async function startPrometheus(config: unknown): Promise<TestPrometheus> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-prometheus-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'prometheus.yml');
  await writeFile(file, JSON.stringify(config));
  const at = `127.0.0.1:${await findFreePort()}`;
  const child = await startChild({
    command: findPrometheus('prometheus')!,
    args: [
      `--config.file=${file}`,
      `--storage.tsdb.path=${path.join(folder, 'data')}`,
      `--web.listen-address=${at}`,
      '--log.level=warn',
    ],
    cwd: folder,
  });
  onTestFinished(async () => {
    child.signal('SIGKILL');
    await child.exited;
  });
  await waitFor('Prometheus is ready', async () => {
    if (!child.running) throw new Error(child.logTail());
    return (await fetch(`http://${at}/-/ready`)).ok;
  });
  return {
    async query(expr) {
      const answer = await fetch(`http://${at}/api/v1/query?query=${encodeURIComponent(expr)}`);
      const body = (await answer.json()) as QueryAnswer;
      if (body.status !== 'success') throw new Error(`${expr}: ${body.error}`);
      return body.data.result;
    },
  };
}

interface QueryAnswer {
  status: 'success' | 'error';
  error: string;
  data: { result: { metric: Record<string, string>; value: [number, string] }[] };
}
