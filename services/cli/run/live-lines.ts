import { formatByteSize } from '../../../shared/config/byte-size.ts';
import { formatDuration } from '../../../shared/config/duration.ts';
import { countChanges } from '../../../shared/progress/change-kinds.ts';
import type { CopyProgress, ReaderStatus, ServiceStatus } from '../../../shared/progress/status.ts';
import { doing, formatLag, notes, reportOf } from '../status/status-line.ts';

const number = new Intl.NumberFormat('en-US');
const BAR_WIDTH = 24;

export interface Room {
  columns: number;
  rows: number;
}

/**
 * What a terminal shows of a running pipeline: the line that says how it is doing, what a person should look at, bars of
 * the tables while they are copied, and then what became of what was read. No line is longer than the terminal is wide.
 */
export function liveLines(
  pipeline: string,
  services: readonly ServiceStatus[],
  { columns, rows }: Room,
): string[] {
  const width = Math.max(1, columns - 1);
  const head = [
    ...wrap(`${pipeline}: ${doing(services).join(' · ')}`, width),
    ...notes(services).flatMap((note) => wrap(`  ${note}`, width)),
  ].slice(0, Math.max(1, rows - 3));
  const room = Math.max(0, rows - 2 - head.length);
  const reader = services.find((s): s is ReaderStatus => s.service === 'source-reader');
  const body =
    reader?.phase === 'snapshotting' ? copyLines(reader.copy, room) : balanceLines(services, room);
  return [...head, ...body].map((line) => line.slice(0, width));
}

/** A sentence is not cut, however narrow the terminal: what to do stands at its end. */
function wrap(text: string, width: number): string[] {
  const [first = '', ...words] = text.split(/(?<=\S) /);
  const lines = [first];
  for (const word of words) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length <= width) lines[lines.length - 1] = line;
    else lines.push(`  ${word}`);
  }
  return lines;
}

/** Tables that are being copied first, those that are through last; what there is no room for is counted. */
function copyLines(copy: ReaderStatus['copy'], room: number): string[] {
  const all = Object.entries(copy).sort(
    ([a, one], [b, other]) => rank(one) - rank(other) || a.localeCompare(b),
  );
  const shown = all.length <= room ? all : all.slice(0, Math.max(0, room - 1));
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  const lines = shown.map(([name, progress]) => `  ${name.padEnd(width)}  ${barOf(progress)}`);
  const left = all.length - shown.length;
  return left === 0 ? lines : [...lines, `  and ${left} more tables`];
}

function rank({ chunksDone, chunksTotal, ready }: CopyProgress): number {
  if (ready) return 2;
  return chunksDone > 0 && chunksDone < chunksTotal ? 0 : 1;
}

function barOf({ chunksDone, chunksTotal, bytesDone, bytesTotal, rowsDone, ready }: CopyProgress) {
  const share = ready
    ? 1
    : bytesTotal > 0
      ? bytesDone / bytesTotal
      : chunksTotal === 0
        ? 0
        : chunksDone / chunksTotal;
  const full = Math.min(BAR_WIDTH, Math.floor(share * BAR_WIDTH));
  const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
  const percent = `${Math.floor(Math.min(1, share) * 100)} %`.padStart(5);
  const size = bytesTotal > 0 ? `, ${formatByteSize(bytesDone)}` : '';
  const finishing = !ready && chunksTotal > 0 && chunksDone === chunksTotal;
  const more = finishing ? '  indexes and constraints' : '';
  return `${bar} ${percent}  ${number.format(rowsDone)} rows${size}${more}`;
}

function balanceLines(services: readonly ServiceStatus[], room: number): string[] {
  const report = reportOf(services);
  if (report === null || report.read === null || room < 1) return [];
  const filtered = report.filtered === null ? 0 : countChanges(report.filtered);
  const parts = [
    `read ${number.format(countChanges(report.read))}`,
    `applied ${report.applied === null ? '-' : number.format(countChanges(report.applied))}`,
    ...(filtered > 0 ? [`filtered ${number.format(filtered)}`] : []),
    `parked ${number.format(report.parked)}`,
    ...(report.unmet !== null && report.unmet > 0
      ? [`met no row ${number.format(report.unmet)}`]
      : []),
    ...(report.discarded > 0 ? [`discarded ${number.format(report.discarded)}`] : []),
    `in flight ${report.inFlight === null ? '-' : number.format(report.inFlight)}`,
  ];
  const lag = report.lagMs === null ? [] : [`lag ${formatLag(report.lagMs)}`];
  const bytes = report.bytesBehind === null ? [] : [`${formatByteSize(report.bytesBehind)} behind`];
  const balance =
    report.difference === null
      ? 'balance exact'
      : `balance differs: ${report.difference.namespace} ${report.difference.kind}`;
  return [`  ${[...parts, balance].join(' · ')}`, `  ${[...lag, ...bytes, `in this state for ${formatDuration(report.stateMs)}`].join(' · ')}`].slice(0, room); // prettier-ignore
}
