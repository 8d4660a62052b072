import type { Dump, DumpEntry, DumpedRows } from './pg-dump.ts';

export interface Judged {
  /** The source when the pipeline began: what changed in its structure later is not held against the target. */
  before: Dump;
  source: Dump;
  target: Dump;
  /** What was run at the source meanwhile. */
  changes: readonly string[];
  /** What `weir check` or `weir run` said about it. */
  told: readonly string[];
}

/** Kinds of things that do not travel, each with how it is told. */
const LEFT_OUT: readonly (readonly [type: RegExp, told: RegExp])[] = [
  [/^VIEW$/, /\bviews?\b/i],
  [/^MATERIALIZED VIEW/, /materiali[sz]ed/i],
  [/^(FUNCTION|PROCEDURE|AGGREGATE)$/, /function/i],
  [/^TRIGGER$/, /trigger/i],
  [/^RULE$/, /\brules?\b/i],
  [/^(POLICY|ROW SECURITY)$/, /polic|row security/i],
  [/^(ACL|DEFAULT ACL)$/, /grant|privilege|right/i],
  [/^COMMENT$/, /comment/i],
  [/^(PUBLICATION|PUBLICATION TABLE)$/, /publication/i],
  [/^EVENT TRIGGER$/, /event trigger/i],
  [/^STATISTICS$/, /statistics/i],
  [/^(FOREIGN TABLE|SERVER|FOREIGN DATA WRAPPER|USER MAPPING)$/, /foreign/i],
  [/^(BLOB|BLOBS|BLOB METADATA)$/, /large object/i],
];
/** What is said of a table or column and does not travel with it, each with how it is told. */
const LEFT_OUT_LINES: readonly (readonly [line: RegExp, told: RegExp])[] = [
  [/ SET STORAGE /, /storage/i],
  [/ SET STATISTICS /, /statistics/i],
  [/ SET COMPRESSION /, /compression/i],
  [/ CLUSTER ON /, /cluster/i],
  [/ REPLICA IDENTITY /, /replica identity/i],
  [/^WITH \(/, /option/i],
];
const MAX_TOLD = 20;
/** Whether it is a difference that nobody said what stays behind. */
const TELLING_IS_JUDGED = process.env['WEIR_HUNT_TELLING'] !== '0';

/** Every difference that nobody told of, each as a sentence; empty where both ends are equal. */
export function differences(judged: Judged): string[] {
  return [...schemaDifferences(judged), ...rowDifferences(judged)].slice(0, MAX_TOLD);
}

function schemaDifferences({ before, source, target, told }: Judged): string[] {
  const found: string[] = [];
  for (const [key, entry] of source.schema) {
    // A schema is there where something is in it.
    if (entry.type === 'SCHEMA' || isOurs(entry) || isLeftOut(entry, told)) continue;
    const there = target.schema.get(key);
    const isNew = !sameLines(before.schema.get(key)?.lines, entry.lines);
    if (isNew && entry.type !== 'SEQUENCE SET') continue;
    const kind = LEFT_OUT.find(([type]) => type.test(entry.type));
    if (kind !== undefined && there === undefined) {
      if (TELLING_IS_JUDGED && !told.some((line) => kind[1].test(line)))
        found.push(`not told: ${key} is left out`);
    } else if (there === undefined) found.push(`missing at the target: ${key}`);
    else if (kind === undefined) found.push(...entryDifferences(key, entry, there, told));
  }
  for (const [key, entry] of target.schema)
    if (!source.schema.has(key) && !before.schema.has(key) && !isOurs(entry))
      found.push(`only at the target: ${key}`);
  return found;
}

function entryDifferences(
  key: string,
  source: DumpEntry,
  target: DumpEntry,
  told: readonly string[],
): string[] {
  const travels = (line: string): boolean => LEFT_OUT_LINES.every(([what]) => !what.test(line));
  const silent = LEFT_OUT_LINES.filter(
    ([what, how]) =>
      TELLING_IS_JUDGED &&
      source.lines.some((line) => what.test(line) && !target.lines.includes(line)) &&
      !told.some((line) => how.test(line)),
  );
  return [
    ...silent.map(([what]) => `not told: ${key}: ${String(what)} is left out`),
    ...lineDifferences(key, source.lines.filter(travels), target.lines.filter(travels)),
  ];
}

function rowDifferences({ source, target, told, changes }: Judged): string[] {
  const found: string[] = [];
  for (const [key, rows] of source.rows) {
    if (isTableLeftOut(rows.schema, rows.table, told) || isUnfollowed(rows, told, changes)) continue; // prettier-ignore
    const there = target.rows.get(key);
    if (there === undefined) found.push(`missing at the target: the rows of ${key}`);
    else found.push(...tableDifferences(key, rows, there));
  }
  return found;
}

function tableDifferences(key: string, source: DumpedRows, target: DumpedRows): string[] {
  if (source.columns.join() !== target.columns.join())
    return [`${key} has the columns ${source.columns.join()} and at the target ${target.columns.join()}`]; // prettier-ignore
  return lineDifferences(`rows of ${key}`, source.lines, target.lines);
}

/** Lines that only one of both has, the first few; each counts as often as it stands there. */
export function lineDifferences(
  what: string,
  source: readonly string[],
  target: readonly string[],
): string[] {
  const counts = new Map<string, number>();
  for (const line of source) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const line of target) counts.set(line, (counts.get(line) ?? 0) - 1);
  const found: string[] = [];
  for (const [line, count] of counts) {
    const side = count > 0 ? 'only at the source' : 'only at the target';
    if (count !== 0) found.push(`${what}: ${side}: ${line.slice(0, 300)}`);
  }
  return found.slice(0, 6);
}

function sameLines(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((line, i) => line === b[i]);
}

/** What Weir makes for itself. */
function isOurs({ type, name, schema }: DumpEntry): boolean {
  return (type.startsWith('PUBLICATION') && /^weir_/.test(name)) || (type === 'SCHEMA' && name === 'weir') || schema === 'weir'; // prettier-ignore
}

function isLeftOut({ schema, name, type }: DumpEntry, told: readonly string[]): boolean {
  if (type === 'SCHEMA') return false;
  // The name of a constraint or a default begins with that of its table, and so does that of a serial's sequence.
  const ends = [...name.matchAll(/[ _]/g)].map(({ index }) => index);
  return [name.length, ...ends].some((end) => isTableLeftOut(schema, name.slice(0, end), told));
}

/** The message names the table as `schema.table`, and says that it is left out. */
function isTableLeftOut(schema: string, table: string, told: readonly string[]): boolean {
  const name = `${schema}.${table}`;
  return told.some((line) => {
    if (!/left out/.test(line)) return false;
    const at = line.indexOf(name);
    return at >= 0 && /^$|[\s:,;)"']/.test(line.charAt(at + name.length));
  });
}

/** Where the message says that only inserts are followed, and there was something else. */
function isUnfollowed(
  { schema, table }: DumpedRows,
  told: readonly string[],
  changes: readonly string[],
): boolean {
  return (
    told.some((line) => line.startsWith(`${schema}.${table}: Updates and deletes`)) &&
    changes.some((sql) => /^(UPDATE|DELETE)/.test(sql) && sql.includes(table.replaceAll('"', '""')))
  );
}
