import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from '../../services/supervisor/embedded/free-port.ts';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import type { Bench } from './bench.ts';

const SCRAPE_MS = 1_000;
const STOP_MS = 15_000;

/** The services of a pipeline, observed by all there is to observe them with, or by nobody at all. */
export class ObservedServices {
  readonly #children: { name: string; child: ChildProcess }[] = [];
  readonly #over = new AbortController();
  #watching: Promise<unknown> = Promise.resolve();

  /** Returns when they answer, where they do. */
  static async start(
    bench: Bench,
    file: string,
    isObserved: boolean,
    signal: AbortSignal,
  ): Promise<ObservedServices> {
    const services = new ObservedServices();
    const first = await findFreePort();
    const ports: number[] = [];
    const nextPort = (): number => first + ports.push(first + ports.length) - 1;
    const start = (name: string, ...args: string[]): void => {
      const metrics = isObserved ? ['--metrics-listen', String(nextPort())] : [];
      services.#children.push({ name, child: spawnWeir(bench, [...args, ...metrics]) });
    };
    const names = ['source-reader', 'target-writer', ...(isObserved ? ['stats'] : [])];
    for (const name of names) start(name, 'service', name, '--pipeline', file);
    if (!isObserved) return services;
    const listen = await findFreePort();
    const state = path.join(bench.directory, 'control');
    start('control', 'control', file, '--listen', String(listen), '--state', state);
    const urls = ports.map((port) => `http://127.0.0.1:${port}/metrics`);
    for (const url of urls) await untilAnswers(url, signal);
    const over = AbortSignal.any([signal, services.#over.signal]);
    services.#watching = Promise.allSettled([
      ...urls.map((url) => scrapeEach(url, over)),
      drain(`http://127.0.0.1:${listen}/v1/stream`, over),
    ]);
    return services;
  }

  /** By name; a service that observes is there only where one does. */
  get pids(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#children.map(({ name, child }) => [name, child.pid ?? 0]));
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#watching;
    await Promise.all(this.#children.map(({ child }) => stopChild(child)));
  }
}

function spawnWeir(bench: Bench, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [path.join(projectRoot(), 'bin', 'weir'), ...args], {
    // With a channel it ends when the bench itself is killed.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: {
      ...process.env,
      WEIR_NATS_URL: bench.servers.nats.url,
      XDG_STATE_HOME: path.join(bench.directory, 'state'),
    },
  });
}

async function untilAnswers(url: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok === true) return;
    await sleep(100, undefined, { signal });
  }
}

async function scrapeEach(url: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await (await fetch(url, { signal })).arrayBuffer();
    await sleep(SCRAPE_MS, undefined, { signal });
  }
}

/** As a console that is open: what comes is read and forgotten. */
async function drain(url: string, signal: AbortSignal): Promise<void> {
  const { body } = await fetch(url, { signal });
  await body?.pipeTo(new WritableStream(), { signal });
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(force);
}
