import type { ResourceUsage } from '../bench.ts';
import type { BenchServers } from '../bench-servers.ts';
import { bytesRead, machineCpuMs, processTree, readProcess } from './process-record.ts';

export type MeteredServers = Pick<BenchServers, 'source' | 'target' | 'nats'>;

const EVERY_MS = 100;

/**
 * Meters the servers and the processes below `root` from its construction until `stop()`. Processes are sampled, so
 * of each one the last tenth of a second may be missing; PostgreSQL's backends that end are in their postmaster's sum.
 */
export class ResourceMeter {
  readonly #roots: Record<string, number>;
  readonly #natsPid: number;
  readonly #root: number | undefined;
  readonly #nameOf: (command: string) => string;
  readonly #cpuBefore: Record<string, number>;
  readonly #readBefore: number;
  readonly #machineBefore = machineCpuMs();
  readonly #startedAt = performance.now();
  readonly #processes = new Map<number, { name: string; cpuMs: number; peakBytes: number }>();
  readonly #timer: NodeJS.Timeout;
  #usage: ResourceUsage | undefined;
  #marked: Record<string, number> = {};
  #natsPeakBytes = 0;

  constructor(
    servers: MeteredServers,
    root: number | undefined,
    nameOf: (command: string) => string,
  ) {
    this.#natsPid = servers.nats.pid;
    this.#roots = {
      'postgres source': servers.source.pid,
      'postgres target': servers.target.pid,
      'nats-server': servers.nats.pid,
    };
    this.#root = root;
    this.#nameOf = nameOf;
    this.#cpuBefore = this.#serverCpu();
    this.#readBefore = bytesRead(this.#natsPid);
    this.#timer = setInterval(() => this.#sample(), EVERY_MS);
  }

  /** From here on what is used counts as work. */
  mark(): void {
    this.#sample();
    this.#marked = this.#cpuMs();
  }

  /** Ends the metering and gives what was used; safe to call again. */
  stop(): ResourceUsage {
    clearInterval(this.#timer);
    this.#usage ??= this.#measure();
    return this.#usage;
  }

  #measure(): ResourceUsage {
    this.#sample();
    const cpuMs = this.#cpuMs();
    const peakBytes: Record<string, number> = {};
    for (const { name, peakBytes: bytes } of this.#processes.values())
      peakBytes[name] = Math.max(peakBytes[name] ?? 0, bytes);
    peakBytes['nats-server'] = this.#natsPeakBytes;
    const meteredMs = Object.values(cpuMs).reduce((sum, ms) => sum + ms, 0);
    const othersMs = machineCpuMs() - this.#machineBefore - meteredMs;
    return {
      cpuMs,
      workCpuMs: Object.fromEntries(
        Object.entries(cpuMs).map(([name, ms]) => [name, ms - (this.#marked[name] ?? 0)]),
      ),
      peakBytes,
      brokerBytes: bytesRead(this.#natsPid) - this.#readBefore,
      otherCores: Math.max(0, othersMs / (performance.now() - this.#startedAt)),
    };
  }

  /** So far, by name. */
  #cpuMs(): Record<string, number> {
    const cpuMs: Record<string, number> = {};
    for (const { name, cpuMs: ms } of this.#processes.values())
      cpuMs[name] = (cpuMs[name] ?? 0) + ms;
    for (const [name, ms] of Object.entries(this.#serverCpu()))
      cpuMs[name] = ms - (this.#cpuBefore[name] ?? 0);
    return cpuMs;
  }

  #serverCpu(): Record<string, number> {
    return Object.fromEntries(
      Object.entries(this.#roots).map(([name, root]) => [
        name,
        processTree(root).reduce((sum, pid) => sum + (readProcess(pid)?.cpuMs ?? 0), 0),
      ]),
    );
  }

  #sample(): void {
    this.#natsPeakBytes = Math.max(
      this.#natsPeakBytes,
      readProcess(this.#natsPid)?.residentBytes ?? 0,
    );
    if (this.#root === undefined) return;
    for (const pid of processTree(this.#root)) {
      const record = readProcess(pid);
      // One that has ended and waits for its parent has neither memory nor a command line.
      if (record === null || record.command === '') continue;
      this.#processes.set(pid, {
        name: this.#nameOf(record.command),
        cpuMs: record.ownCpuMs,
        peakBytes: record.peakResidentBytes,
      });
    }
  }
}
