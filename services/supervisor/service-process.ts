import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Backoff } from '../../shared/lifecycle/backoff.ts';
import { projectRoot } from './embedded/project-root.ts';

export interface ServiceProcessOptions {
  service: 'source-reader' | 'transformer' | 'target-writer';
  file: string;
  env: NodeJS.ProcessEnv;
  onLog: (line: string) => void;
}

/** How a service ended for good: its exit code and, where it failed, the sentence it said. */
export interface ServiceEnd {
  service: string;
  exitCode: number;
  reason: string | null;
}

/** More than a service gives itself, and little enough for three after each other. */
const STOP_DEADLINE_MS = 12_000;

/**
 * One service as a process of its own. A crash (a signal, or an exit that is not a verdict of the service itself)
 * starts it again; `ended` resolves when it has finished or said why it cannot go on.
 */
export class ServiceProcess {
  readonly ended: Promise<ServiceEnd>;
  restarts = 0;
  readonly #options: ServiceProcessOptions;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #reason: string | null = null;

  constructor(options: ServiceProcessOptions) {
    this.#options = options;
    this.ended = this.#run();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Asks it to finish what is in flight; kills it after a deadline. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#child?.kill('SIGTERM');
    const kill = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_DEADLINE_MS);
    await this.ended;
    clearTimeout(kill);
  }

  async #run(): Promise<ServiceEnd> {
    const { service } = this.#options;
    const backoff = new Backoff({ firstMs: 250, maxMs: 10_000 });
    for (;;) {
      const startedAtMs = Date.now();
      const { exitCode, signal } = await this.#once();
      // Null: ended by a signal. 1 to 3 with a sentence: the service has said what is wrong.
      const verdict = exitCode !== null && (exitCode === 0 || this.#reason !== null);
      if (verdict || this.#stopping.signal.aborted)
        return { service, exitCode: exitCode ?? 0, reason: this.#reason };
      this.restarts++;
      if (Date.now() - startedAtMs > 60_000) backoff.reset();
      this.#options.onLog(
        `weir: ${service} ended unexpectedly (${signal ?? `exit code ${exitCode}`}) and is started again`,
      );
      await backoff.wait(this.#stopping.signal);
      if (this.#stopping.signal.aborted) return { service, exitCode: 0, reason: null };
    }
  }

  #once(): Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }> {
    const { service, file, env, onLog } = this.#options;
    this.#reason = null;
    const child = spawn(
      process.execPath,
      [`${projectRoot()}/bin/weir`, 'service', service, '--pipeline', file],
      // A process group of its own: Ctrl-C reaches the supervisor only, which stops the services in order. The
      // channel tells the service when the supervisor is gone.
      { env, stdio: ['ignore', 'inherit', 'pipe', 'ipc'], detached: true },
    );
    this.#child = child;
    createInterface({ input: child.stderr! }).on('line', (line) => {
      if (line.startsWith('weir: ')) this.#reason ??= line.slice('weir: '.length);
      else onLog(line);
    });
    return new Promise((resolve) => {
      child.once('error', (error) => {
        this.#reason = error.message;
        resolve({ exitCode: 3, signal: null });
      });
      child.once('close', (exitCode, signal) => resolve({ exitCode, signal }));
    });
  }
}
