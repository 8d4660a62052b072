import type { NamespaceReport, VerifyReport } from './verify-pipeline.ts';

const KEYS_SHOWN = 20;

export function namespaceText(report: NamespaceReport): string {
  const name =
    report.namespace === report.target
      ? report.namespace
      : `${report.namespace} → ${report.target}`;
  const rows = `${report.rows.toLocaleString('en')} rows`;
  switch (report.state) {
    case 'equal':
      return `${name}  ${rows}  equal${mappedText(report)}`;
    case 'absent':
      return `${name}  DIFFERENT: there is no ${report.target} at the target`;
    case 'other shape':
      return `${name}  DIFFERENT: the target has no column ${report.missingColumns.join(', ')}`;
    case 'unsettled':
      return `${name}  ${rows}  UNSETTLED: ${unsettledText(report)}`;
    case 'different':
      return [
        `${name}  ${rows}  DIFFERENT: ${countText(report)}`,
        ...keyLines(report),
        ...mappedLines(report),
      ].join('\n');
  }
}

export function verdictText({ equal, rows, namespaces }: VerifyReport): string {
  const compared = `${rows.toLocaleString('en')} rows in ${namespaces.length} namespace${namespaces.length === 1 ? '' : 's'} compared`;
  if (equal) return `${compared}: source and target are equal`;
  const unsettled = namespaces.filter((each) => each.state === 'unsettled').length;
  const different = namespaces.filter((each) => each.state !== 'equal').length - unsettled;
  const parts = [
    ...(different > 0 ? [`${different} different`] : []),
    ...(unsettled > 0
      ? [`${unsettled} changing too fast to compare; run it again when fewer changes are made`]
      : []),
  ];
  return `${compared}: ${parts.join(', ')}`;
}

/** What is equal only as the target's types have it. */
function mappedText({ mapped }: NamespaceReport): string {
  return mapped.length === 0
    ? ''
    : `, but for what the target's types change: ${mapped.join(', ')}`;
}

function mappedLines({ mapped }: NamespaceReport): string[] {
  return mapped.length === 0 ? [] : [`    besides what the target's types change: ${mapped.join(', ')}`]; // prettier-ignore
}

function unsettledText({ unsettled, capped }: NamespaceReport): string {
  if (unsettled.length === 0 && capped)
    return 'more rows were in flight each time than can be watched at once';
  return `${unsettled.length} rows kept changing while they were watched, none differs for certain`;
}

function countText({ differences, capped, unsettled }: NamespaceReport): string {
  const counts = new Map<string, number>();
  for (const { kind } of differences) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const parts = [...counts].map(([kind, count]) => `${count.toLocaleString('en')} ${kind}`);
  if (unsettled.length > 0) parts.push(`${unsettled.length} unsettled`);
  return parts.join(', ') + (capped ? ', and there may be more (the list ends here)' : '');
}

function keyLines({ differences }: NamespaceReport): string[] {
  const lines = differences.slice(0, KEYS_SHOWN).map(({ key, kind }) => `    ${kind}: ${key}`);
  const more = differences.length - KEYS_SHOWN;
  return more > 0
    ? [...lines, `    and ${more.toLocaleString('en')} more (--json has them)`]
    : lines;
}
