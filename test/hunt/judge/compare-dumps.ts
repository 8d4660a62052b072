import type { PipelineOptions } from '../hunt-case.ts';
import { expectedRows } from './expected-rows.ts';
import type { Dump, DumpEntry, DumpedRows } from './pg-dump.ts';

export interface Judged {
  /** What every database of these servers has, such as the rights in `public`, which differ before 15. */
  empty: { source: Dump; target: Dump };
  /** The source when the pipeline began: what changed in its structure later is not held against the target. */
  before: Dump;
  source: Dump;
  target: Dump;
  /** What was run at the source meanwhile. */
  changes: readonly string[];
  /** What `weir check` and `weir run` said about it. */
  told: readonly string[];
  /** Kinds of things that `weir check` said stay behind. */
  notCarried: readonly string[];
  /**
   * Where whole transactions are carried foreign keys are made deferrable, as is said where that is asked for. Steps make
   * other rows: their table is made with columns and its key, and the rest is for people to make.
   */
  pipeline: PipelineOptions;
  /** The target is of an older version, where a column that is computed when it is read is stored. */
  isOlder?: boolean;
  /** Its tables were there before: what the source has dropped since then and before the copy, they still have. */
  isPrepared?: boolean;
  /** Tables, as `schema.table`, where not all are carried. */
  only: readonly string[] | null;
}

/** What pg_dump prints and a pipeline leaves behind, and how `weir check` calls that. */
const LEFT_OUT: readonly (readonly [type: RegExp, kind: string])[] = [
  [/^VIEW$/, 'views'],
  [/^MATERIALIZED VIEW/, 'materialised views'],
  [/^(FUNCTION|PROCEDURE)$/, 'functions and procedures'],
  [/^AGGREGATE$/, 'aggregates'],
  [/^TRIGGER$/, 'triggers'],
  [/^RULE$/, 'rules'],
  [/^POLICY$/, 'policies'],
  [/^ROW SECURITY$/, 'tables with row security'],
  [/^ACL$/, 'grants'],
  [/^DEFAULT ACL$/, 'default privileges'],
  [/^COMMENT$/, 'comments'],
  [/^(PUBLICATION|PUBLICATION TABLE)$/, 'publications'],
  [/^EVENT TRIGGER$/, 'event triggers'],
  [/^STATISTICS$/, 'statistics objects'],
  [/^(SERVER|FOREIGN DATA WRAPPER|USER MAPPING)$/, 'foreign servers'],
  [/^(BLOB|BLOBS|BLOB METADATA)$/, 'large objects'],
  [/^TYPE$/, 'types that no carried column has'],
  [/^DOMAIN$/, 'types that no carried column has'],
  [/^EXTENSION$/, 'extensions that no carried table needs'],
  [/^FK CONSTRAINT$/, 'foreign keys to tables that are not carried'],
];
const INHERITED = 'parents of tables (INHERITS) that are not carried';
const TYPED = 'typed tables (OF)';
const INVALID = 'indexes that are not valid';
const OF_KEYS = 'storage parameters of tables and of the indexes of their keys';
const OF_NOT_NULL = 'names and marks (NOT VALID, NO INHERIT) of NOT NULL constraints';
const OF_PARTITIONS = 'indexes and constraints of single partitions';
/** What is said of a table or column and does not travel with it. */
const LEFT_OUT_LINES: readonly (readonly [line: RegExp, kind: string])[] = [
  [/ SET (STORAGE|STATISTICS|COMPRESSION) /, 'storage and statistics settings of columns'],
  [/ CLUSTER ON /, 'cluster marks'],
  [/ REPLICA IDENTITY /, 'replica identities'],
  [/^WITH \(/, OF_KEYS],
];
const MAX_TOLD = 20;
/** Every difference that nobody told of, each as a sentence; empty where both ends are equal. */
export function differences(judged: Judged): string[] {
  const schema = judged.pipeline.transforms !== undefined ? [] : schemaDifferences(judged);
  return [...schema, ...rowDifferences(judged)].slice(0, MAX_TOLD);
}

function schemaDifferences(judged: Judged): string[] {
  const { before, source, target, told, only, pipeline } = judged;
  // What belongs to a table that has another name there is called after that; its rows are compared.
  const mapped = Object.entries(pipeline.map ?? {}).flat();
  const isMapped = (entry: DumpEntry): boolean =>
    mapped.length > 0 &&
    (namesOf(entry).some((name) => mapped.includes(name)) ||
      entry.lines.some((line) =>
        mapped.some((name) => line.includes(quotedName(name).slice(0, -1))),
      ));
  const attached = [...source.schema.values()].filter(({ type }) => type === 'TABLE ATTACH');
  const partitions = new Set(attached.map(({ schema, name }) => `${schema}.${name}`));
  const found: string[] = [];
  for (const [from, to] of Object.entries(pipeline.map ?? {})) {
    const [entry, there] = [source.schema.get(`TABLE ${from}`), target.schema.get(`TABLE ${to}`)];
    if (entry === undefined || isLeftOut(entry, told)) continue;
    if (!sameLines(before.schema.get(`TABLE ${from}`)?.lines, entry.lines)) continue;
    // A sequence stays in its schema, where a table of another one cannot own it.
    const plain = (line: string): string => line.replace(/ DEFAULT "nextval"\(.*?\)/, '');
    const lines = entry.lines.map((line) => plain(line.replaceAll(quotedName(from), quotedName(to)))); // prettier-ignore
    const mappedThere = there && { ...there, lines: there.lines.map(plain) };
    if (mappedThere === undefined) found.push(`missing at the target: ${from} as ${to}`);
    else found.push(...entryDifferences(`TABLE ${to}`, { ...entry, lines }, mappedThere, judged, partitions)); // prettier-ignore
  }
  for (const [key, entry] of source.schema) {
    // A schema is there where something is in it.
    if (entry.type === 'SCHEMA' || isOurs(entry) || isLeftOut(entry, told) || isMapped(entry)) continue; // prettier-ignore
    if (only !== null && !namesOf(entry).some((name) => only.includes(name))) continue;
    if (sameLines(judged.empty.source.schema.get(key)?.lines, entry.lines)) continue;
    // An extension comes with one.
    if (entry.type === 'COMMENT' && entry.name.startsWith('EXTENSION ')) continue;
    const there = target.schema.get(key);
    if (entry.type !== 'SEQUENCE SET' && !sameLines(before.schema.get(key)?.lines, entry.lines))
      continue;
    if (OF_COLUMNS.test(entry.type) && isOfChild(entry, source)) continue;
    if (there === undefined) found.push(...missing(key, entry, judged, partitions));
    else if (entry.type !== 'COMMENT') found.push(...entryDifferences(key, entry, there, judged, partitions)); // prettier-ignore
  }
  for (const [key, entry] of target.schema)
    if (
      !source.schema.has(key) &&
      !before.schema.has(key) &&
      !judged.empty.target.schema.has(key) &&
      // Such as a foreign partition, whose place an empty table takes.
      !isLeftOut(entry, told) &&
      !isOurs(entry) &&
      !isMapped(entry) &&
      !(mapped.length > 0 && entry.type === 'SCHEMA') &&
      !(OF_COLUMNS.test(entry.type) && isOfChild(entry, source))
    )
      found.push(`only at the target: ${key}`);
  return found;
}

function missing(
  key: string,
  entry: DumpEntry,
  { notCarried, told }: Judged,
  partitions: ReadonlySet<string>,
): string[] {
  const isOfPartition =
    /INDEX|CONSTRAINT/.test(entry.type) && namesOf(entry).some((name) => partitions.has(name));
  const { type } = entry;
  if (type === 'CONSTRAINT' && notCarried.includes(OF_NOT_NULL) && / NOT NULL /.test(entry.lines.join(' '))) return []; // prettier-ignore
  if (type === 'INDEX' && notCarried.includes(INVALID)) return [];
  if (notCarried.includes(OF_NOT_NULL) && entry.lines.some((line) => / NOT NULL .* NOT VALID$/.test(line))) return []; // prettier-ignore
  if (isOfPartition && notCarried.includes(OF_PARTITIONS)) return [];
  if (type === 'FK CONSTRAINT' && told.some((line) => /^foreign keys: they will not/.test(line)))
    return [];
  const kind = LEFT_OUT.find(([which]) => which.test(type))?.[1];
  if (kind === undefined) return [`missing at the target: ${key}`];
  return notCarried.includes(kind) ? [] : [`not told: ${key} is left out`];
}

function entryDifferences(
  key: string,
  source: DumpEntry,
  target: DumpEntry,
  { notCarried, pipeline, isOlder, source: dump }: Judged,
  partitions: ReadonlySet<string>,
): string[] {
  const isPartition = partitions.has(`${source.schema}.${source.name}`);
  const travels = (line: string): boolean =>
    LEFT_OUT_LINES.every(([what]) => !what.test(line)) &&
    !(isPartition && notCarried.includes(OF_PARTITIONS) && /^ +CONSTRAINT /.test(line));
  const silent = LEFT_OUT_LINES.filter(
    ([what, kind]) =>
      source.lines.some((line) => what.test(line) && !target.lines.includes(line)) &&
      !notCarried.includes(kind),
  );
  if (notCarried.includes(INHERITED) && source.lines.some((line) => line.startsWith('INHERITS')))
    return [];
  if (notCarried.includes(TYPED) && source.lines.some((line) => / OF "/.test(line))) return [];
  const deferrable = / DEFERRABLE$/;
  // A partition that is made as a table first calls them after itself.
  const hasOwnNames = isPartition || notCarried.includes(OF_NOT_NULL);
  const unnamed = (line: string): string => hasOwnNames ? line.replace(/ CONSTRAINT "(?:[^"]|"")*" NOT NULL/, ' NOT NULL') : line; // prettier-ignore
  const virtual = (line: string): string => {
    const without = line.replace(/ STORED$/, '');
    return isOlder === true && source.lines.includes(without) ? without : line;
  };
  // From 14 on a range has one, called after it.
  const named = (line: string): boolean => source.lines.some((each) => /multirange/.test(each)) || !/multirange_type_name/.test(line); // prettier-ignore
  const plain = (line: string): string =>
    source.type === 'CONSTRAINT' && notCarried.includes(OF_KEYS) ? line.replace(/ WITH \(.*?\)/, '') : line; // prettier-ignore
  const there =
    pipeline.order === 'transaction' && source.type === 'FK CONSTRAINT'
      ? target.lines.map((line) => (source.lines.includes(line) ? line : line.replace(deferrable, ''))) // prettier-ignore
      : target.lines;
  const own = source.lines.map(unnamed);
  const wanted = source.type === 'TABLE' && isOfChild(source, dump) ? there.filter((line) => own.includes(unnamed(line))) : there; // prettier-ignore
  return [
    ...silent.map(([, kind]) => `not told: ${key}: ${kind} are left out`),
    ...lineDifferences(
      key,
      source.lines.filter(travels).map(plain).map(unnamed),
      wanted.filter(travels).filter(named).map(unnamed).map(virtual),
    ),
  ];
}

/**
 * Of a table with parents: what it has from them is its own at the target, and pg_dump prints that elsewhere or not at
 * all.
 */
function isOfChild(entry: DumpEntry, source: Dump): boolean {
  return namesOf(entry).some((name) =>
    source.schema.get(`TABLE ${name}`)?.lines.some((line) => line.startsWith('INHERITS')),
  );
}

const OF_COLUMNS = /^(DEFAULT|CHECK CONSTRAINT)$/;

function rowDifferences({
  source,
  target,
  told,
  changes,
  only,
  pipeline,
  isPrepared,
}: Judged): string[] {
  const found: string[] = [];
  const carried = new Map(
    [...source.rows].filter(
      ([key, rows]) =>
        (only === null || only.includes(key)) &&
        !isTableLeftOut(key, told) &&
        !isUnfollowed(rows, told, changes),
    ),
  );
  for (const [key, rows] of expectedRows(carried, pipeline)) {
    const there = target.rows.get(key);
    if (there === undefined) found.push(`missing at the target: the rows of ${key}`);
    else found.push(...tableDifferences(key, rows, isPrepared === true ? withColumns(rows.columns, there) : there)); // prettier-ignore
  }
  return found;
}

/** The same rows with these columns alone, where it has them all. */
function withColumns(columns: readonly string[], rows: DumpedRows): DumpedRows {
  const places = columns.map((name) => rows.columns.indexOf(name));
  if (places.includes(-1)) return rows;
  const lines = rows.lines.map((line) => {
    const values = line.split('\t');
    return places.map((at) => values[at]).join('\t');
  });
  return { ...rows, columns: [...columns], lines };
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

function isLeftOut(entry: DumpEntry, told: readonly string[]): boolean {
  return namesOf(entry).some((name) => isTableLeftOut(name, told));
}

/** Tables that it may be of: the name of a constraint or a default begins with that of its table, and so does that of a serial's sequence. */
function namesOf({ type, schema, name, lines }: DumpEntry): string[] {
  if (type === 'INDEX') {
    const [, inSchema, table] = OF_INDEX.exec(lines.join(' ')) ?? [];
    return [`${bare(inSchema)}.${bare(table)}`];
  }
  const ends = [...name.matchAll(/[ _]/g)].map(({ index }) => index);
  return [name.length, ...ends].map((end) => `${schema}.${name.slice(0, end)}`);
}

const OF_INDEX = / ON (?:ONLY )?("(?:[^"]|"")*")\.("(?:[^"]|"")*") USING /;

/** Of an ordinary name, as `pg_dump` writes it. */
function quotedName(name: string): string {
  return name.split('.').map((part) => `"${part}"`).join('.'); // prettier-ignore
}

function bare(quoted: string | undefined): string {
  return (quoted ?? '').slice(1, -1).replaceAll('""', '"');
}

/** The message names the table as `schema.table`, and says that it is left out. */
function isTableLeftOut(name: string, told: readonly string[]): boolean {
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
