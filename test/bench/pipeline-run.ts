import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import type { Bench, ResourceUsage } from './bench.ts';
import type { DataSet } from './data/data-set.ts';
import { processTree, readProcess } from './measure/process-record.ts';
import { ResourceMeter } from './measure/resource-meter.ts';
import { awaitSuccess } from './child-success.ts';

export const PIPELINE = 'bench';

/** What the services log at the points that are measured. */
export type Milestone = 'service started' | 'reader epoch began' | 'copy is in the target';

const LINES_KEPT = 20;
const STOP_MS = 20_000;
const POLL_MS = 50;

/** Writes the pipeline file of a run: the defaults, what the case needs (one key and value a line), and what `--set` says. */
export async function writePipelineFile(
  bench: Bench,
  data: DataSet,
  sourceUrl: string,
  targetUrl: string,
  ofCase: readonly string[] = [],
): Promise<string> {
  const file = path.join(bench.directory, 'pipeline.yaml');
  await writeFile(
    file,
    [
      `name: ${PIPELINE}`,
      `source: { url: "${sourceUrl}", namespaces: [${data.tables.map(({ name }) => name).join(', ')}] }`,
      `target: { url: "${targetUrl}" }`,
      `nats: { url: "${bench.servers.nats.url}" }`,
      ...ofCase,
      ...bench.arguments.settings,
      '',
    ].join('\n'),
  );
  return file;
}

/** `weir run FILE` as a user starts it, by itself to where it has caught up, watched from outside. */
export class PipelineRun {
  readonly startedAtMs = Date.now();
  /** When it has ended well; rejects with the last lines it printed when it has not. */
  readonly ended: Promise<number>;
  readonly meter: ResourceMeter;
  readonly #child: ChildProcess;
  readonly #milestones = new Map<string, number>();
  readonly #lines: string[] = [];

  private constructor(child: ChildProcess, bench: Bench, signal: AbortSignal) {
    this.#child = child;
    this.meter = new ResourceMeter(bench.servers, child.pid, serviceOf);
    for (const stream of [child.stdout!, child.stderr!])
      createInterface({ input: stream }).on('line', (line) => this.#read(line));
    const stop = (): void => this.#stop();
    signal.addEventListener('abort', stop, { once: true });
    this.ended = this.#end().finally(() => signal.removeEventListener('abort', stop));
  }

  static async start(
    bench: Bench,
    file: string,
    signal: AbortSignal,
    {
      profileDirectory = bench.arguments.profileDirectory,
      until = true,
    }: { profileDirectory?: string | null | undefined; until?: boolean } = {},
  ): Promise<PipelineRun> {
    signal.throwIfAborted();
    const state = path.join(bench.directory, 'state');
    await mkdir(state, { recursive: true });
    if (typeof profileDirectory === 'string') await mkdir(profileDirectory, { recursive: true });
    const child = spawn(
      process.execPath,
      [
        path.join(projectRoot(), 'bin', 'weir'),
        ...['run', file, ...(until ? ['--until', 'caught-up'] : [])],
      ],
      {
        cwd: bench.directory,
        // With a channel it stops, and its services too, when the bench itself is killed.
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        env: {
          ...process.env,
          XDG_STATE_HOME: state,
          ...(typeof profileDirectory === 'string' ? profilingInto(profileDirectory) : {}),
        },
      },
    );
    return new PipelineRun(child, bench, signal);
  }

  /** When the service logged that, for the first time. */
  reachedAtMs(milestone: Milestone, service = 'source-reader'): number {
    const atMs = this.#milestones.get(`${service}: ${milestone}`);
    if (atMs !== undefined) return atMs;
    throw new Error(`the ${service} never logged "${milestone}", where the bench looks for it`);
  }

  /** Waits for the end, and for what was watched for meanwhile, which ends with it. */
  async endWith<T>(watched: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const over = new AbortController();
    const watch = watched(AbortSignal.any([signal, over.signal]));
    const seen = watch.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    await this.ended.finally(() =>
      over.abort(new Error('weir ended before the target had it all')),
    );
    const result = await seen;
    if ('error' in result) throw result.error;
    return result.value;
  }

  /** Waits until the service has logged that. */
  async reached(milestone: Milestone, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const ended = this.ended.finally(() => over.abort());
    ended.catch(() => undefined);
    while (!this.#milestones.has(`source-reader: ${milestone}`)) {
      if (over.signal.aborted) await ended;
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  /** Kills the processes of a service as the kernel would; `weir run` starts them again. */
  kill(service: string): void {
    for (const pid of processTree(this.#child.pid ?? 0))
      if (serviceOf(readProcess(pid)?.command ?? '') === service) process.kill(pid, 'SIGKILL');
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    this.#stop();
    await this.ended;
  }

  get usage(): ResourceUsage {
    return this.meter.stop();
  }

  #read(line: string): void {
    if (this.#lines.push(line) > LINES_KEPT) this.#lines.shift();
    if (!line.startsWith('{')) return;
    const { service, msg, time } = JSON.parse(line) as Record<string, unknown>;
    const key = `${String(service)}: ${String(msg)}`;
    if (this.#milestones.has(key)) return;
    this.#milestones.set(key, Date.parse(String(time)));
    if (key === 'source-reader: reader epoch began') this.meter.mark();
  }

  #end(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        this.meter.stop();
        if (code === 0) resolve(Date.now());
        else
          reject(
            new Error(`weir run ended with ${signal ?? code}:\n  ${this.#lines.join('\n  ')}`),
          );
      });
    });
  }

  #stop(): void {
    this.#child.kill('SIGTERM');
    setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS).unref();
  }
}

function profilingInto(directory: string): Record<string, string> {
  const hook = new URL('measure/profile-hook.js', import.meta.url);
  return { NODE_OPTIONS: `--import ${hook.href}`, PROFILE_DIRECTORY: directory };
}

/** Removes what the pipeline has made at both ends and at the broker. */
export async function resetPipeline(file: string, signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, [path.join(projectRoot(), 'bin', 'weir'), 'reset', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
    signal,
  });
  await awaitSuccess(child, 'weir reset');
}

function serviceOf(command: string): string {
  return / service (\S+) --pipeline /.exec(command)?.[1] ?? 'weir run';
}
