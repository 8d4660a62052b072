import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { waitFor } from '../support/wait-for.ts';
import type { Failpoint } from '../../shared/lifecycle/failpoint.ts';

export type ServiceName = 'source-reader' | 'transformer' | 'target-writer' | 'stats';

export interface LogLine {
  level: string;
  msg: string;
  code?: string;
  reason?: string;
  lane?: number;
  [field: string]: unknown;
}

const LINES_KEPT = 4_000;
const DEATH_MS = 60_000;

/** One service as a process that the test kills, stops and starts again; nobody else looks after it. */
export class FaultService {
  readonly name: ServiceName;
  /** What all its lives have said. */
  readonly log: LogLine[] = [];
  /** Ends that nobody asked for: a service must survive by itself whatever is not its own death. */
  readonly unasked: string[] = [];
  kills = 0;
  readonly #args: string[];
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #exited: Promise<number | null> = Promise.resolve(null);
  #asked = false;

  constructor(name: ServiceName, file: string, env: NodeJS.ProcessEnv) {
    this.name = name;
    this.#args = [`${projectRoot()}/bin/weir`, 'service', name, '--pipeline', file];
    this.#env = { ...process.env, ...env };
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && !this.#child.signalCode;
  }

  start(env: NodeJS.ProcessEnv = {}): void {
    // The channel ends it with the test process, also where that is killed.
    const child = spawn(process.execPath, this.#args, {
      env: { ...this.#env, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    this.#asked = false;
    createInterface({ input: child.stderr! }).on('line', (line) => this.#keep(line));
    this.#exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        if (!this.#asked)
          this.unasked.push(
            `${this.name} ended with ${String(code ?? signal)}: ${this.log.at(-1)?.msg ?? ''}`,
          );
        resolve(code);
      });
    });
  }

  /** SIGKILL: ended when this resolves. */
  async kill(): Promise<void> {
    this.#asked = true;
    this.kills++;
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  async restart(): Promise<void> {
    await this.kill();
    this.start();
  }

  /** Starts it anew so that it dies at the instant of that name; resolves when it has. */
  async dieAt(failpoint: Failpoint, provoke?: () => unknown): Promise<void> {
    if (this.running) await this.kill();
    this.start({ WEIR_FAILPOINT: failpoint });
    this.#asked = true;
    await provoke?.();
    const outcome = await Promise.race([
      this.#exited,
      sleep(DEATH_MS, 'still running', { ref: false }),
    ]);
    if (outcome !== null) throw new Error(`the ${this.name} at ${failpoint}: ${outcome}`);
    this.kills++;
  }

  /** Starts it anew so that it falls asleep at the instant of that name; resolves when it has. */
  async sleepAt(failpoint: Failpoint): Promise<void> {
    if (this.running) await this.kill();
    this.start({ WEIR_FAILPOINT: `${failpoint}:SIGSTOP` });
    await waitFor(`the ${this.name} sleeps at ${failpoint}`, () => isStopped(this.pid), {
      timeoutMs: DEATH_MS,
    });
  }

  /** Stands still without knowing it. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends it in order; its exit code, null where it had to be killed. */
  async stop(): Promise<number | null> {
    if (!this.running) return this.#exited;
    this.#asked = true;
    this.thaw();
    this.#child?.kill('SIGTERM');
    const force = setTimeout(() => this.#child?.kill('SIGKILL'), 15_000);
    return this.#exited.finally(() => clearTimeout(force));
  }

  #keep(line: string): void {
    this.log.push(
      line.startsWith('{')
        ? (JSON.parse(line) as LogLine)
        : { level: 'fatal', msg: line.slice(0, 500), time: new Date().toISOString() },
    );
    if (this.log.length > LINES_KEPT) this.log.shift();
  }
}

/** As Linux tells it: the state stands behind the name, which is in brackets. */
async function isStopped(pid: number): Promise<boolean> {
  return / T \d/.test((await readFile(`/proc/${pid}/stat`, 'latin1')).replace(/.*\)/s, ''));
}
