import { formatByteSize } from '../../../shared/config/byte-size.ts';
import { formatDuration } from '../../../shared/config/duration.ts';
import type { ChangeCounts } from '../../../shared/connector/sink.ts';
import type { PipelineReport } from '../../../shared/progress/pipeline-report.ts';
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

/** One line that says how a pipeline is doing. */
export function statusLine(services: readonly ServiceStatus[]): string {
  const reader = services.find(
    (status): status is ReaderStatus => status.service === 'source-reader',
  );
  const writers = services.filter(
    (status): status is WriterStatus => status.service === 'target-writer',
  );
  const report = reportOf(services);
  const parts: string[] = [reader?.phase ?? 'starting'];
  if (report !== null && isWorthTelling(report)) parts.push(`${report.state}: ${report.reason}`);
  const copy = Object.values(reader?.copy ?? {});
  const total = sum(copy.map((c) => c.chunksTotal));
  if (reader?.phase === 'snapshotting' && total > 0) {
    const done = sum(copy.map((c) => c.chunksDone));
    parts.push(
      `${number.format(sum(copy.map((c) => c.rowsDone)))} rows copied`,
      `${Math.floor((100 * done) / total)} % of ${copy.length} tables`,
    );
    const leftMs = report?.copy?.leftMs ?? null;
    if (leftMs !== null) parts.push(`${formatDuration(leftMs)} left`);
  }
  const read = sum(Object.values(reader?.read ?? {}).map(countAll));
  if (read > 0) parts.push(`${number.format(read)} changes read`);
  const rate = Math.round(report?.appliedPerSecond ?? 0);
  if (rate > 0) parts.push(`${number.format(rate)}/s applied`);
  if ((report?.inFlight ?? 0) > 0) parts.push(`${number.format(report!.inFlight!)} on their way`);
  if ((report?.parked ?? 0) > 0) parts.push(`${number.format(report!.parked)} parked`);
  if (report?.lagMs != null) parts.push(`lag ${formatLag(report.lagMs)}`);
  parts.push(`${writers.length} writer${writers.length === 1 ? '' : 's'}`);
  parts.push(...retentionParts(reader?.retention ?? null));
  const problem = services.find((status) => status.problem !== null)?.problem;
  if (problem !== undefined && problem !== null) parts.push(`problem: ${problem}`);
  return parts.join(' · ');
}

/** What the stats service says, where one runs. */
export function reportOf(services: readonly ServiceStatus[]): PipelineReport | null {
  return services.find((status) => status.service === 'stats')?.report ?? null;
}

/** A person must look at it, or will want to. */
function isWorthTelling({ state }: PipelineReport): boolean {
  return ['behind', 'stuck', 'unbalanced'].includes(state);
}

export function formatLag(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
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

export function countAll(counts: Readonly<ChangeCounts>): number {
  return counts.inserts + counts.updates + counts.deletes + counts.truncates;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
