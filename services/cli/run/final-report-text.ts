import { formatByteSize } from '../../../shared/config/byte-size.ts';
import { formatDuration } from '../../../shared/config/duration.ts';
import type { ChangeCounts } from '../../../shared/change/change-counts.ts';
import { CHANGE_KINDS, countChanges } from '../../../shared/progress/change-kinds.ts';
import { formatLag } from '../status/status-line.ts';
import { table } from '../status/status-table.ts';
import type { FinalReport } from './final-report.ts';

const number = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** What a finite pipeline came to, for people. */
export function finalReportText(report: FinalReport): string {
  const { copyRate, verification } = report;
  const copied = [
    `${number.format(report.rowsCopied)} rows`,
    ...(report.bytesCopied === null ? [] : [`about ${formatByteSize(report.bytesCopied)}`]),
    ...(copyRate === null
      ? []
      : [
          `in ${formatDuration(copyRate.ms)}`,
          `${number.format(copyRate.rowsPerSecond)} rows/s`,
          `${formatByteSize(copyRate.bytesPerSecond)}/s`,
        ]),
  ];
  const behind = [
    ...(report.lagMs === null ? [] : [`lag ${formatLag(report.lagMs)}`]),
    ...(report.bytesBehind === null ? [] : [`${formatByteSize(report.bytesBehind)} behind`]),
  ];
  const lines = [
    `${report.pipeline}: ${report.outcome === 'finished' ? 'everything is copied' : 'caught up'} after ${formatDuration(report.elapsedMs)}`,
    `  copied   ${copied.join(', ')}`,
    `  changes  ${kindsText(report.applied)} applied, ${number.format(report.parkedEntries)} entries parked, ${number.format(report.changesPerSecond)}/s`,
    `  balance  ${balanceText(report)}`,
    ...(behind.length === 0 ? [] : [`  at the end  ${behind.join(', ')}`]),
    `  compared ${verification === null ? 'no (--verify, or weir verify, compares both ends)' : `${number.format(verification.rows)} rows, ${verification.equal ? 'equal' : 'DIFFERENT'}`}`,
  ];
  const rows = report.namespaces.map(({ namespace, rowsCopied, bytesCopied, applied }) => [
    `  ${namespace}`,
    number.format(rowsCopied),
    bytesCopied === null ? '-' : formatByteSize(bytesCopied),
    number.format(countChanges(applied)),
  ]);
  return [...lines, ...table(['  namespace', 'rows copied', 'size', 'changes'], rows)].join('\n');
}

function balanceText({ balanced, read }: FinalReport): string {
  if (balanced === null) return 'the reader had ended, so what it read was not counted again';
  const all = number.format(countChanges(read));
  return balanced
    ? `exact: all ${all} changes that were read are accounted for`
    : `${all} changes were read and not all of them are accounted for yet`;
}

function kindsText(counts: ChangeCounts): string {
  const parts = CHANGE_KINDS.filter((kind) => counts[kind] > 0).map(
    (kind) => `${number.format(counts[kind])} ${kind}`,
  );
  return parts.length === 0 ? 'none' : parts.join(', ');
}
