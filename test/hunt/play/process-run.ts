import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from '../../../services/supervisor/embedded/project-root.ts';
import { Said, type Run, type RunEnd } from './run.ts';

/** `weir run` as a user starts it, with a process for each service. */
export class ProcessRun implements Run {
  readonly ended: Promise<RunEnd>;
  readonly output = new Said();
  readonly #child: ChildProcess;

  constructor(file: string, args: readonly string[], env: Record<string, string>) {
    this.#child = spawn(
      process.execPath,
      [path.join(projectRoot(), 'bin', 'weir'), 'run', file, ...args],
      { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.setEncoding('utf8').on('data', (chunk: string) => this.output.add(chunk));
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code) => {
        resolve({ code, output: this.output.text });
        this.output.add('');
      });
    });
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  kill(who: 'all' | 'reader' | 'writer'): void {
    const service = { all: '', reader: 'source-reader', writer: 'target-writer' }[who];
    if (who === 'all') this.#child.kill('SIGKILL');
    for (const { pid, name } of this.#services())
      if (who === 'all' || name === service) killQuietly(pid);
  }

  interrupt(): void {
    this.#child.kill('SIGTERM');
  }

  /** Those that it has started, as their logs say. */
  #services(): { pid: number; name: string }[] {
    return this.output.text
      .split('\n')
      .filter((line) => line.includes('"service started"') && line.endsWith('}'))
      .map((line) => {
        const { pid, service } = JSON.parse(line) as { pid: number; service: string };
        return { pid, name: service };
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
