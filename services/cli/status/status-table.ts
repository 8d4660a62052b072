import { formatByteSize } from '../../../shared/config/byte-size.ts';
import type { NamespaceReport } from '../../../shared/progress/pipeline-report.ts';
import type { ServiceStatus } from '../../../shared/progress/status.ts';
import { countChanges } from '../../../shared/progress/change-kinds.ts';
import { copiedPercent, formatLag, reportOf } from './status-line.ts';

const number = new Intl.NumberFormat('en-US');

/** What became of what was read, per namespace; nothing where no stats service runs. */
export function balanceLines(services: readonly ServiceStatus[]): string[] {
  const report = reportOf(services);
  if (report === null || report.namespaces.length === 0) return [];
  const aside = (['filtered', 'parked', 'unmet'] as const).filter((what) =>
    report.namespaces.some((each) => each[what] !== 0),
  );
  const rows = report.namespaces.map((each) => [
    `  ${each.namespace}`,
    each.rowsDone === null ? '-' : number.format(each.rowsDone),
    copied(each),
    number.format(countChanges(each.read)),
    number.format(countChanges(each.applied)),
    ...aside.map((what) => (each[what] === null ? 'not known' : number.format(each[what]))),
    number.format(Math.max(0, countChanges(each.read) - countChanges(each.settled))),
  ]);
  const heads = [
    '  namespace',
    'rows copied',
    'copy',
    'read',
    'applied',
    ...aside.map((what) => (what === 'unmet' ? 'met no row' : what)),
  ];
  const lines = table([...heads, 'in flight'], rows);
  if (report.namespacesLeftOut > 0) lines.push(`  and ${report.namespacesLeftOut} more`);
  return lines;
}

/** All pipelines, a line each. */
export function pipelineTable(pipelines: ReadonlyMap<string, readonly ServiceStatus[]>): string[] {
  const rows = [...pipelines].map(([pipeline, services]) => {
    const report = reportOf(services);
    const reader = services.find((s) => s.service === 'source-reader');
    const writers = services.filter((s) => s.service === 'target-writer').length;
    const waiting = report?.broker?.lanes.reduce((sum, { bytes }) => sum + bytes, 0);
    const retained = reader?.retention?.retainedBytes;
    return [
      pipeline,
      report?.state ?? reader?.phase ?? 'down',
      report?.lagMs == null ? '-' : formatLag(report.lagMs),
      report?.appliedPerSecond == null ? '-' : number.format(Math.round(report.appliedPerSecond)),
      report?.inFlight == null ? '-' : number.format(report.inFlight),
      report?.copy == null ? '-' : copiedPercent(report.copy),
      waiting === undefined ? '-' : formatByteSize(waiting),
      retained === undefined ? '-' : formatByteSize(retained),
      String(writers),
      report?.reason ?? '',
    ];
  });
  const heads = ['pipeline', 'state', 'lag', 'changes/s', 'in flight', 'copy', 'in broker'];
  return table([...heads, 'log held', 'writers', 'why'], rows);
}

function copied(report: NamespaceReport): string {
  return report.chunksTotal === 0 ? '-' : copiedPercent(report);
}

/** The first column and the last to the left, numbers to the right. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [heads, ...rows];
  const widths = heads.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  const isText = (i: number): boolean =>
    i === 0 || ['state', 'why'].includes(heads[i]!) || widths[i] === 0;
  return all.map((row) =>
    row
      .map((cell, i) => (isText(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}
