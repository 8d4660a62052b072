import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { afterAll } from 'vitest';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { waitFor } from './wait-for.ts';

export interface WeirExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface WeirOptions {
  cwd?: string;
  /** Over the environment of the test; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
}

/** `weir` as a user starts it: a real process of what was built. Whatever still runs at the end of the file is killed. */
export function useWeir(): {
  run(args: string[], options?: WeirOptions): Promise<WeirExit>;
  start(args: string[], options?: WeirOptions): WeirProcess;
} {
  const processes: WeirProcess[] = [];
  const start = (args: string[], options: WeirOptions = {}): WeirProcess => {
    const weir = new WeirProcess(args, options);
    processes.push(weir);
    return weir;
  };
  afterAll(async () => {
    // SIGTERM first, for those that have children of their own to end.
    await Promise.all(processes.map((weir) => weir.stop()));
  });
  return { start, run: (args, options) => start(args, options).exited };
}

export class WeirProcess {
  readonly exited: Promise<WeirExit>;
  readonly #child: ChildProcess;
  #stdout = '';
  #stderr = '';

  constructor(args: string[], options: WeirOptions = {}) {
    const executable = path.join(projectRoot(), 'bin', 'weir');
    this.#child = spawn(process.execPath, [executable, ...args], {
      cwd: options.cwd ?? projectRoot(),
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#stdout += chunk;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#stderr += chunk;
    });
    this.exited = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Everything printed so far, standard output first. */
  get output(): string {
    return this.#stdout + this.#stderr;
  }

  /** Waits for a line that matches, on either output; fails at once when the process ends without one. */
  async waitForLine(pattern: RegExp, timeoutMs = 60_000): Promise<string> {
    const found = await waitFor(
      `a line matching ${pattern.source} of weir`,
      () => {
        const line = this.output.split('\n').find((candidate) => pattern.test(candidate));
        if (line !== undefined) return { line };
        return this.running ? undefined : { line: undefined };
      },
      { timeoutMs },
    );
    if (found.line !== undefined) return found.line;
    throw new Error(
      `weir ended without a line matching ${pattern.source}; it printed:\n${this.output}`,
    );
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  /** Ends it in order, and by force after that time; gives its exit. */
  async stop(timeoutMs = 20_000): Promise<WeirExit> {
    const force = setTimeout(() => this.kill('SIGKILL'), timeoutMs);
    if (this.running) this.kill('SIGTERM');
    return this.exited.finally(() => clearTimeout(force));
  }
}
