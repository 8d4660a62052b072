import { readFileSync } from 'node:fs';

/** Resident memory of a process in bytes; 0 where it does not run, or where the system does not tell. */
export function residentBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

export interface WatchedProcess {
  name: string;
  /** Of its present life. */
  pid: () => number;
}

const EVERY_MS = 200;

/** The largest resident memory of each process, over all its lives. */
export class ResidentWatch {
  readonly #processes: readonly WatchedProcess[];
  readonly #most: number[];
  readonly #timer: NodeJS.Timeout;

  constructor(processes: readonly WatchedProcess[]) {
    this.#processes = processes;
    this.#most = processes.map(() => 0);
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  /** Of any of them that `matches`, in bytes. */
  most(matches: (name: string) => boolean): number {
    return Math.max(...this.#most.filter((_, i) => matches(this.#processes[i]!.name)));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  toString(): string {
    const each = this.#processes.map(({ name }, i) => `${name} ${this.#most[i]! >> 20} MB`);
    return `at most resident: ${each.join(', ')}`;
  }

  #look(): void {
    for (const [i, { pid }] of this.#processes.entries())
      this.#most[i] = Math.max(this.#most[i]!, residentBytes(pid()));
  }
}
