import type { Finding } from '../../../shared/connector/finding.ts';
import type { CheckReport } from '../../preflight/pipeline-check.ts';

const ORDER: Finding['level'][] = ['error', 'warning', 'ok'];

/** The report as plain lines: what stops the pipeline first. */
export function checkText(report: CheckReport): string {
  const lines: string[] = [];
  for (const { part, address, findings } of report.parts) {
    lines.push(`${part}  ${address}`);
    for (const level of ORDER)
      for (const finding of findings.filter((each) => each.level === level))
        lines.push(
          `  ${level.padEnd(7)}  ${finding.subject}: ${finding.message}${codeOf(finding)}`,
          ...detailLines(finding),
        );
    lines.push('');
  }
  const count = report.namespaces.length;
  if (count > 0) {
    lines.push(`namespaces  ${count}`);
    for (const { namespace, target, identity } of report.namespaces)
      lines.push(`  ${namespace}${namespace === target ? '' : ` → ${target}`}${noteOf(identity)}`);
    lines.push('');
  }
  // A source may name its namespaces only when the pipeline is made.
  if (count > 0 || report.fit) {
    lines.push('promises');
    for (const { promise, holds, why } of report.promises)
      lines.push(`  ${holds.padEnd(7)}  ${promise}: ${why}`);
    lines.push('');
  }
  lines.push(verdict(report));
  return lines.join('\n');
}

/** What a start would end with. */
function codeOf({ code }: Finding): string {
  return code === undefined ? '' : ` [${code}]`;
}

function detailLines({ details = [] }: Finding): string[] {
  return details.map(({ kind, count, names, bring }) => {
    const few = [...names, ...(count > names.length ? ['…'] : [])].join(', ');
    return `${' '.repeat(11)}${kind} (${count}): ${few}${bring === undefined ? '' : ` (${bring})`}`;
  });
}

function noteOf(identity: CheckReport['namespaces'][number]['identity']): string {
  switch (identity) {
    case 'key':
      return '';
    case 'row':
      return '  (no key: rows are told apart by all their values)';
    case 'none':
      return '  (no key: only inserts are followed)';
  }
}

function verdict({ pipeline, fit, parts }: CheckReport): string {
  const findings = parts.flatMap((part) => part.findings);
  const count = (level: Finding['level']) => findings.filter((each) => each.level === level).length;
  const numbers = `${plural(count('error'), 'error')}, ${plural(count('warning'), 'warning')}`;
  return fit ? `${pipeline} is fit to run: ${numbers}` : `${pipeline} cannot run yet: ${numbers}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
