import { formatByteSize } from '../../../shared/config/byte-size.ts';
import { formatDuration } from '../../../shared/config/duration.ts';
import { countChanges } from '../../../shared/progress/change-kinds.ts';
import type { PipelineReport } from '../../../shared/progress/pipeline-report.ts';
import type {
  CopyProgress,
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

/** One line that says how a pipeline is doing; `parked` where the target itself was asked. */
export function statusLine(services: readonly ServiceStatus[], parked?: number): string {
  return [...doing(services, parked), ...notes(services)].join(' · ');
}

/** What it does, and how fast. */
export function doing(services: readonly ServiceStatus[], parked?: number): string[] {
  const reader = services.find(
    (status): status is ReaderStatus => status.service === 'source-reader',
  );
  const writers = writersOf(services).length;
  const report = reportOf(services);
  const parts: string[] = [reader?.phase ?? 'starting'];
  const copy = Object.values(reader?.copy ?? {});
  if (reader?.phase === 'snapshotting' && copy.length > 0) {
    const all = {
      chunksTotal: sum(copy.map((c) => c.chunksTotal)),
      chunksDone: sum(copy.map((c) => c.chunksDone)),
      bytesTotal: sum(copy.map((c) => c.bytesTotal)),
      bytesDone: sum(copy.map((c) => c.bytesDone)),
    };
    parts.push(
      `${number.format(sum(copy.map((c) => c.rowsDone)))} rows copied`,
      `${copiedPercent(all)} of ${copy.length} tables`,
    );
    const leftMs = report?.copy?.leftMs ?? null;
    if (leftMs !== null) parts.push(`${formatDuration(leftMs)} left`);
  }
  const read = sum(Object.values(reader?.read ?? {}).map(countChanges));
  if (read > 0) parts.push(`${number.format(read)} changes read`);
  const rate = Math.round(report?.appliedPerSecond ?? 0);
  if (rate > 0) parts.push(`${number.format(rate)}/s applied`);
  if ((report?.inFlight ?? 0) > 0) parts.push(`${number.format(report!.inFlight!)} in flight`);
  const aside = parked ?? report?.parkedEntries ?? 0;
  if (aside > 0)
    parts.push(`${number.format(aside)} parked: see weir parked list ${services[0]!.pipeline}`);
  if (report?.lagMs != null) parts.push(`lag ${formatLag(report.lagMs)}`);
  parts.push(`${writers} writer${writers === 1 ? '' : 's'}`);
  return parts;
}

/** By bytes where the source estimates them: chunks of small tables are small. */
export function copiedPercent({
  chunksTotal,
  chunksDone,
  bytesTotal,
  bytesDone,
}: Pick<CopyProgress, 'chunksTotal' | 'chunksDone' | 'bytesTotal' | 'bytesDone'>): string {
  if (chunksTotal === chunksDone) return '100 %';
  const share = bytesTotal > 0 ? bytesDone / bytesTotal : chunksDone / chunksTotal;
  return `${Math.min(99, Math.floor(100 * share))} %`;
}

/** What a person should look at, a sentence each; nothing where all is well. */
export function notes(services: readonly ServiceStatus[]): string[] {
  const reader = services.find((status) => status.service === 'source-reader');
  const report = reportOf(services);
  const problem = services.find((status) => status.problem !== null)?.problem ?? null;
  return [
    ...(report !== null && isWorthTelling(report) ? [`${report.state}: ${report.reason}`] : []),
    ...retentionParts(reader?.retention ?? null),
    ...warningsOf(services).map((warning) => `warning: ${warning}`),
    ...(problem === null ? [] : [`problem: ${problem}`]),
  ];
}

/** What writers have seen at the target; several may have seen the same. */
function warningsOf(services: readonly ServiceStatus[]): string[] {
  return [...new Set(writersOf(services).flatMap(({ warnings }) => warnings))];
}

function writersOf(services: readonly ServiceStatus[]): WriterStatus[] {
  return services.filter((status) => status.service === 'target-writer');
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

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
