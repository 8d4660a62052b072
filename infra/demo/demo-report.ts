import type { PipelineState } from '../../shared/connector/sink.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import type { ReaderStatus } from '../../shared/progress/status.ts';
import type { VerifyReport } from '../../services/verifier/verify-pipeline.ts';
import { namespaceText } from '../../services/verifier/verify-text.ts';
import type { LagPercentiles } from './markers.ts';
import type { TextComparison } from './text-comparison.ts';
import type { WorkloadCounts } from './workload.ts';

export interface DemoOutcome {
  read: ReaderStatus['read'];
  state: PipelineState;
  workload: WorkloadCounts;
  lag: LagPercentiles;
  /** From the first chunk to the last namespace finished. */
  copySeconds: number;
  /** From the first change that was applied to the last. */
  followSeconds: number;
  catchUpSeconds: number;
  verified: VerifyReport;
  asText: TextComparison[];
}

const numbers = new Intl.NumberFormat('en-US');

/** Only if both comparisons found both ends equal and every change that was read is accounted for. */
export function isProven({ verified, asText, read, state }: DemoOutcome): boolean {
  return (
    verified.equal &&
    asText.every(({ equal }) => equal) &&
    state.plan.namespaces.every(({ relation: { namespace } }) =>
      sameCounts(read[namespace], state.applied[namespace]),
    )
  );
}

export function reportText(outcome: DemoOutcome): string {
  const { state, workload, lag, verified } = outcome;
  const copied = sum(state.plan.namespaces.map(({ rowsDone }) => rowsDone));
  const applied = sum(Object.values(state.applied).map(total));
  const perSecond = (count: number, seconds: number): string =>
    `${numbers.format(Math.round(count / Math.max(seconds, 0.001)))}/s`;
  const lines = [
    ...table(outcome),
    '',
    `copied     ${numbers.format(copied)} rows in ${outcome.copySeconds.toFixed(1)} s (${perSecond(copied, outcome.copySeconds)}), while changes were being written`,
    `followed   ${numbers.format(applied)} changes in ${outcome.followSeconds.toFixed(1)} s (${perSecond(applied, outcome.followSeconds)}), caught up ${outcome.catchUpSeconds.toFixed(1)} s after the last`,
    `written    ${numbers.format(workload.changes)} changes in ${numbers.format(workload.transactions)} transactions; ${numbers.format(workload.rolledBack)} more were rolled back`,
    `lag        p50 ${lag.p50Ms.toFixed(0)} ms, p99 ${lag.p99Ms.toFixed(0)} ms, greatest ${lag.maxMs.toFixed(0)} ms, from commit to commit over ${lag.markers} markers`,
  ];
  if (isProven(outcome))
    lines.push(
      `verified   ${numbers.format(verified.rows)} rows in ${verified.namespaces.length} tables are equal, by row hashes and by the databases' own text`,
    );
  else lines.push(...differences(outcome));
  return lines.join('\n');
}

function table({ state, read, asText, verified }: DemoOutcome): string[] {
  const rows = state.plan.namespaces.map(({ relation: { namespace }, rowsDone }) => {
    const changes = read[namespace];
    const text = asText.find((each) => each.table === namespace);
    const hashes = verified.namespaces.find((each) => each.namespace === namespace);
    const equal = hashes?.state === 'equal' && text?.equal !== false;
    return [
      namespace,
      numbers.format(rowsDone),
      numbers.format(changes?.inserts ?? 0),
      numbers.format(changes?.updates ?? 0),
      numbers.format(changes?.deletes ?? 0),
      numbers.format(total(changes)),
      numbers.format(total(state.applied[namespace])),
      numbers.format(hashes?.rows ?? 0),
      equal ? 'yes' : 'NO',
    ];
  });
  const heads = 'table,copied,inserts,updates,deletes,read,applied,rows now,equal'.split(',');
  const all = [heads, ...rows.sort((a, b) => a[0]!.localeCompare(b[0]!))];
  const widths = heads.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const lines = all.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  '),
  );
  return [lines[0]!, '-'.repeat(lines[0]!.length), ...lines.slice(1)];
}

function differences({ verified, asText, read, state }: DemoOutcome): string[] {
  const lines = ['NOT VERIFIED'];
  for (const report of verified.namespaces)
    if (report.state !== 'equal') lines.push(`  by row hashes: ${namespaceText(report)}`);
  for (const { table, equal } of asText)
    if (!equal) lines.push(`  by the databases' text: ${table} differs`);
  for (const { relation } of state.plan.namespaces) {
    const { namespace } = relation;
    if (!sameCounts(read[namespace], state.applied[namespace]))
      lines.push(
        `  by counts: ${namespace} ${total(read[namespace])} changes read, ${total(state.applied[namespace])} applied`,
      );
  }
  return lines;
}

export function sameCounts(a: ChangeCounts | undefined, b: ChangeCounts | undefined): boolean {
  return (['inserts', 'updates', 'deletes', 'truncates'] as const).every(
    (kind) => (a?.[kind] ?? 0) === (b?.[kind] ?? 0),
  );
}

function total(counts: ChangeCounts | undefined): number {
  return counts === undefined
    ? 0
    : counts.inserts + counts.updates + counts.deletes + counts.truncates;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
