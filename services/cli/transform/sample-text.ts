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
  if (typeof value !== 'string') return String(value);
  const text = JSON.stringify(value);
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}

/** As JSON, in which integers that a double cannot hold are text. */
export function sampleJson(namespaces: readonly SampledNamespace[]): string {
  return JSON.stringify(
    namespaces,
    (_, value: unknown) => {
      if (typeof value !== 'bigint') return value;
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    },
    2,
  );
}
