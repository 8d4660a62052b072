import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from '../../../services/cli/embedded/project-root.ts';

export interface RunEnd {
  /** Null where it was killed. */
  code: number | null;
  output: string;
}

/** One `weir run` as a user starts it, with all it said. */
export class WeirRun {
  readonly ended: Promise<RunEnd>;
  readonly #child: ChildProcess;
  #output = '';
  #waiting: (() => void)[] = [];

  constructor(file: string, args: readonly string[], env: Record<string, string>) {
    this.#child = spawn(
      process.execPath,
      [path.join(projectRoot(), 'bin', 'weir'), 'run', file, ...args],
      { env: { ...process.env, WEIR_LOG_LEVEL: 'info', ...env }, stdio: ['ignore', 'pipe', 'pipe'] }, // prettier-ignore
    );
    const keep = (chunk: string): void => {
      this.#output += chunk;
      for (const wake of this.#waiting.splice(0)) wake();
    };
    this.#child.stdout?.setEncoding('utf8').on('data', keep);
    this.#child.stderr?.setEncoding('utf8').on('data', keep);
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code) => {
        resolve({ code, output: this.#output });
        keep('');
      });
    });
  }

  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Until it has said so, has ended, or the time is over; tells whether it was said. */
  async says(text: string, timeoutMs: number): Promise<boolean> {
    const deadline = Date.now() + timeoutMs;
    while (!this.#output.includes(text) && this.running && Date.now() < deadline)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadline - Date.now());
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    return this.#output.includes(text);
  }

  /** Ends a service, or everything, without a warning. */
  kill(who: 'all' | 'reader' | 'writer'): void {
    const service = { all: '', reader: 'source-reader', writer: 'target-writer' }[who];
    if (who === 'all') this.#child.kill('SIGKILL');
    for (const { pid, name } of this.#services())
      if (who === 'all' || name === service) killQuietly(pid);
  }

  /** As Ctrl-C does; undefined where it does not end in time and had to be killed. */
  async stop(timeoutMs: number): Promise<RunEnd | undefined> {
    if (this.running) this.#child.kill('SIGTERM');
    return this.within(timeoutMs);
  }

  /** Its end; undefined where that does not come in time, and then it is killed. */
  async within(timeoutMs: number): Promise<RunEnd | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), timeoutMs);
    });
    const end = await Promise.race([this.ended, late]);
    clearTimeout(timer);
    if (end !== undefined) return end;
    this.kill('all');
    await this.ended;
    return undefined;
  }

  /** Those that it has started, as their logs say. */
  #services(): { pid: number; name: string }[] {
    return this.#output
      .split('\n')
      .filter((line) => line.includes('"service started"'))
      .flatMap((line) => {
        const { pid, service } = JSON.parse(line) as { pid: number; service: string };
        return [{ pid, name: service }];
      });
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
