import { formatByteSize } from '../../../shared/config/byte-size.ts';
import { formatDuration } from '../../../shared/config/duration.ts';
import type {
  ReaderStatus,
  RetentionStatus,
  ServiceStatus,
  WriterStatus,
} from '../../../shared/progress/status.ts';

const FORGET_MS = 5_000;
const WORTH_TELLING_BYTES = 256 << 20;
const number = new Intl.NumberFormat('en-US');

/** The latest status of each service of a pipeline; those that fell silent are forgotten. */
export class StatusBoard {
  readonly #latest = new Map<string, ServiceStatus>();

  put(status: ServiceStatus): void {
    this.#latest.set(`${status.service}/${status.id}`, status);
  }

  services(nowMs = Date.now()): ServiceStatus[] {
    for (const [key, status] of this.#latest)
      if (nowMs - status.atMs > FORGET_MS) this.#latest.delete(key);
    return [...this.#latest.values()];
  }
}

/** One line that says how a pipeline is doing; `applied` before and after give the rate. */
export function statusLine(services: readonly ServiceStatus[], ratePerSecond: number): string {
  const reader = services.find(
    (status): status is ReaderStatus => status.service === 'source-reader',
  );
  const writers = services.filter(
    (status): status is WriterStatus => status.service === 'target-writer',
  );
  const parts: string[] = [reader?.phase ?? 'starting'];
  const copy = Object.values(reader?.copy ?? {});
  const total = sum(copy.map((c) => c.chunksTotal));
  if (reader?.phase === 'snapshotting' && total > 0) {
    const done = sum(copy.map((c) => c.chunksDone));
    parts.push(
      `${number.format(sum(copy.map((c) => c.rowsDone)))} rows copied`,
      `${Math.floor((100 * done) / total)} % of ${copy.length} tables`,
    );
  }
  const read = sum(Object.values(reader?.read ?? {}).map(countAll));
  if (read > 0) parts.push(`${number.format(read)} changes read`);
  if (ratePerSecond > 0) parts.push(`${number.format(Math.round(ratePerSecond))}/s applied`);
  const lags = writers.map((w) => w.lagMs).filter((lag) => lag !== null);
  if (lags.length > 0)
    parts.push(
      `lag p50 ${Math.max(...lags.map((lag) => lag.p50))} ms, p99 ${Math.max(...lags.map((lag) => lag.p99))} ms`,
    );
  parts.push(`${writers.length} writer${writers.length === 1 ? '' : 's'}`);
  parts.push(...retentionParts(reader?.retention ?? null));
  const problem = services.find((status) => status.problem !== null)?.problem;
  if (problem !== undefined && problem !== null) parts.push(`problem: ${problem}`);
  return parts.join(' · ');
}

/** What is normal is not worth a place in the line. */
function retentionParts(retention: RetentionStatus | null): string[] {
  if (retention === null) return [];
  const { retainedBytes, growthBytesPerSecond, secondsToLimit, warning } = retention;
  if (warning === null && retainedBytes < WORTH_TELLING_BYTES) return [];
  const parts = [`source holds back ${formatByteSize(retainedBytes)}`];
  if (growthBytesPerSecond > 0) parts.push(`+${formatByteSize(growthBytesPerSecond)}/s`);
  if (secondsToLimit !== null) parts.push(`full in ${formatDuration(secondsToLimit * 1_000)}`);
  return [parts.join(', '), ...(warning === null ? [] : [`warning: ${warning}`])];
}

export function changesApplied(services: readonly ServiceStatus[]): number {
  return sum(services.map((s) => (s.service === 'target-writer' ? s.changesApplied : 0)));
}

function countAll(counts: {
  inserts: number;
  updates: number;
  deletes: number;
  truncates: number;
}): number {
  return counts.inserts + counts.updates + counts.deletes + counts.truncates;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
