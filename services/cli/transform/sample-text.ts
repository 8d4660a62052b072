import type { Fields, SampledRow } from '../../transformer/sample.ts';
import type { SampledNamespace } from './sample-pipeline.ts';

const MOST_CHARACTERS = 120;

/** Before and after, a line each; what is unchanged is said in a word. */
export function sampleText(namespaces: readonly SampledNamespace[]): string {
  return namespaces.map(namespaceText).join('\n\n');
}

function namespaceText({
  namespace,
  target,
  problems,
  transformed,
  rows,
}: SampledNamespace): string {
  const title = namespace === target ? namespace : `${namespace} → ${target}`;
  if (problems.length > 0) return [title, ...problems.map((each) => `  error: ${each}`)].join('\n');
  if (!transformed) return `${title}\n  no step is for it: its rows stay as they are`;
  if (rows.length === 0) return `${title}\n  it has no rows`;
  return [title, ...rows.flatMap(rowText)].join('\n');
}

function rowText({ before, after, failure, target }: SampledRow): string[] {
  const then =
    failure !== null
      ? `fails  ${failure}`
      : after === null
        ? 'left out'
        : `after  ${target === undefined ? '' : `→ ${target} `}${fieldsText(after)}`;
  return [`  before ${fieldsText(before)}`, `  ${then}`];
}

function fieldsText(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(' ');
}

function valueText(value: Fields[string]): string {
  const isNested = typeof value === 'object' && value !== null;
  if (typeof value !== 'string' && !isNested) return String(value);
  const text = JSON.stringify(isNested ? shown(value) : value);
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}

/** What JSON has no form for as text. */
function shown(value: Fields[string]): unknown {
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(shown);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shown(each)]));
}

/** As JSON, in which integers that a double cannot hold are text. */
export function sampleJson(namespaces: readonly SampledNamespace[]): string {
  const fields = (of: Fields | null): unknown => of && shown(of);
  const seen = namespaces.map((each) => ({
    ...each,
    rows: each.rows.map((row) => ({
      ...row,
      before: fields(row.before),
      after: fields(row.after),
    })),
  }));
  return JSON.stringify(seen, null, 2);
}
