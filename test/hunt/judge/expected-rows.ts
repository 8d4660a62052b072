import { createHash } from 'node:crypto';
import type { PipelineOptions, TransformStep } from '../hunt-case.ts';
import type { DumpedRows } from './pg-dump.ts';

/** A row as text, by column; null is NULL. */
type TextRow = Map<string, string | null>;
interface Table {
  key: string;
  columns: string[];
  rows: TextRow[];
}

/**
 * What the target has to hold, by its own name of each table: the rows of the source after `map` and `transforms`, which
 * are worked out here from what the documentation says of them.
 */
export function expectedRows(
  source: ReadonlyMap<string, DumpedRows>,
  { map = {}, transforms = [] }: Pick<PipelineOptions, 'map' | 'transforms'>,
): Map<string, DumpedRows> {
  const expected = new Map<string, DumpedRows>();
  for (const [key, rows] of source) {
    const steps = transforms.filter(({ on }) => on === undefined || on.some((glob) => matches(glob, key))); // prettier-ignore
    const mapped = map[key] ?? key;
    if (steps.length === 0) expected.set(mapped, rows);
    else for (const table of transformed(toTable(mapped, rows), key, steps)) expected.set(table.key, toDumped(table)); // prettier-ignore
  }
  return expected;
}

/** Cases name tables in full, or all of them. */
function matches(glob: string, key: string): boolean {
  return glob === '*' || glob === key;
}

function transformed(table: Table, source: string, steps: readonly TransformStep[]): Table[] {
  let tables = [table];
  for (const step of steps) tables = tables.flatMap((each) => applied(each, source, step));
  return tables;
}

function applied(table: Table, source: string, step: TransformStep): Table[] {
  const { columns, rows } = table;
  const each = (
    fields: readonly string[],
    of: (value: string, field: string) => string | null,
    nulls = false,
  ): Table[] => {
    // prettier-ignore
    for (const row of rows)
      for (const field of fields) {
        const value = row.get(field) ?? null;
        if (value !== null || nulls) row.set(field, of(value ?? '', field));
      }
    return [table];
  };
  if (step.filter !== undefined) {
    const passes = predicate(step.filter);
    return [{ ...table, rows: rows.filter(passes) }];
  }
  if (step.keep !== undefined) {
    const { keep } = step;
    return [{ ...table, columns: columns.filter((name) => keep.includes(name)) }];
  }
  if (step.drop !== undefined) {
    const { drop } = step;
    return [{ ...table, columns: columns.filter((name) => !drop.includes(name)) }];
  }
  if (step.rename !== undefined) {
    const { rename } = step;
    const to = (name: string): string => rename[name] ?? name;
    const renamed = rows.map((row) => new Map([...row].map(([name, value]) => [to(name), value])));
    return [{ ...table, columns: columns.map(to), rows: renamed }];
  }
  if (step.redact !== undefined) {
    const { redact } = step;
    if (Array.isArray(redact)) return each(redact, () => null, true);
    return each(Object.keys(redact), (_, field) => redact[field]!, true);
  }
  if (step.hash !== undefined)
    return each(step.hash, (value) => createHash('sha256').update(value).digest('hex'));
  if (step.truncate !== undefined) {
    const { truncate } = step;
    return each(Object.keys(truncate), (value, field) => [...value].slice(0, truncate[field]).join('')); // prettier-ignore
  }
  if (step.cast !== undefined) {
    const { cast } = step;
    const bool: Record<string, string> = { t: '1', f: '0' };
    return each(Object.keys(cast), (value, field) => cast[field] === 'integer' ? bool[value]! : value); // prettier-ignore
  }
  if (step.set !== undefined) {
    const fields = Object.entries(step.set);
    for (const row of rows) for (const [name, value] of fields) row.set(name, value);
    return [{ ...table, columns: [...new Set([...columns, ...Object.keys(step.set)])] }];
  }
  if (typeof step.route === 'string')
    return [{ ...table, key: step.route.replace('{name}', source.slice(source.indexOf('.') + 1)) }];
  if (step.route !== undefined) {
    const { to, cel } = step.route;
    const isFirst = predicate(cel.slice(0, cel.indexOf(' ? ')));
    return to.map((key, i) => ({ ...table, key, rows: rows.filter((row) => isFirst(row) === (i === 0)) })); // prettier-ignore
  }
  throw new Error(`the judge does not know the step ${JSON.stringify(step)}`);
}

const EVEN = /^row\["(.*)"\] % 2 == 0$/;
const POSITIVE = /^row\["(.*)"\] != null && row\["(.*)"\] > 0$/;

/** Of the few expressions that cases have. */
function predicate(expression: string): (row: TextRow) => boolean {
  if (expression === 'true') return () => true;
  const even = EVEN.exec(expression)?.[1];
  if (even !== undefined) return (row) => BigInt(row.get(even)!) % 2n === 0n;
  const positive = POSITIVE.exec(expression)?.[1];
  if (positive === undefined) throw new Error(`the judge does not know ${expression}`);
  return (row) => row.get(positive) != null && BigInt(row.get(positive)!) > 0n;
}

function toTable(key: string, { columns, lines }: DumpedRows): Table {
  const names = columns.map((quoted) => quoted.slice(1, -1).replaceAll('""', '"'));
  const rows = lines.map((line) => {
    const values = line.split('\t').map(fromCopyText);
    return new Map(names.map((name, i) => [name, values[i] ?? null] as const));
  });
  return { key, columns: names, rows };
}

function toDumped({ key, columns, rows }: Table): DumpedRows {
  const quoted = columns.map((name) => [`"${name.replaceAll('"', '""')}"`, name] as const);
  quoted.sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = rows.map((row) => quoted.map(([, name]) => toCopyText(row.get(name) ?? null)).join('\t')); // prettier-ignore
  const dot = key.indexOf('.');
  return { schema: key.slice(0, dot), table: key.slice(dot + 1), columns: quoted.map(([name]) => name), lines: lines.sort() }; // prettier-ignore
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }; // prettier-ignore
const ESCAPED = new Map(Object.entries(ESCAPES).map(([letter, char]) => [char, `\\${letter}`]));

function fromCopyText(text: string): string | null {
  if (text === '\\N') return null;
  return text.replaceAll(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter);
}

function toCopyText(value: string | null): string {
  if (value === null) return '\\N';
  return value.replaceAll(/[\b\f\n\r\t\v\\]/g, (char) => ESCAPED.get(char) ?? '\\\\');
}
