import type { BenchArguments } from './bench-arguments.ts';
import type { BenchServers } from './bench-servers.ts';

/** What every case gets. */
export interface Bench {
  readonly servers: BenchServers;
  readonly arguments: BenchArguments;
  /** For pipeline files, profiles and the like; removed at the end. */
  readonly directory: string;
  readonly signal: AbortSignal;
  /** What is going on, for whoever waits. */
  say(line: string): void;
}

/** The outcome of a case. */
export interface CaseReport {
  name: string;
  /** What is wrong although everything ran: a limit that was not kept. */
  failure: string | null;
  lines: string[];
  figures: Record<string, unknown>;
}

/** One measured run, by a baseline or by Weir; source and target were equal at its end. */
export interface Measurement {
  /** Milliseconds of each span of the case, by its key. */
  spans: Record<string, number>;
  usage: ResourceUsage;
}

export interface ResourceUsage {
  /** CPU milliseconds by process; a PostgreSQL server counts with all its backends. */
  cpuMs: Record<string, number>;
  /** The same without what was used before `ResourceMeter.mark`: of Weir, without its start. */
  workCpuMs: Record<string, number>;
  /** Most resident memory that was seen, by process. */
  peakBytes: Record<string, number>;
  /** Bytes that nats-server took in from sockets and files. */
  brokerBytes: number;
  /** How many cores everything else on the machine took meanwhile: near 0, or the figures are of a busy machine. */
  otherCores: number;
}

/** No single run may take longer; what hangs fails instead of hanging the bench. */
export function runDeadline(bench: Bench): AbortSignal {
  const { scale, rows = 0 } = bench.arguments;
  const ms = Math.ceil(120_000 * (1 + scale + rows / 1e6));
  return AbortSignal.any([bench.signal, AbortSignal.timeout(ms)]);
}
