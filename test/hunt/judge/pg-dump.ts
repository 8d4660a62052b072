import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';
import { requirePostgres } from '../../../infra/postgres/postgres-binaries.ts';
import { findOnPath, isExecutable } from '../../../services/supervisor/embedded/search-path.ts';

/** What `pg_dump` prints of a database, cut into its entries: what both ends are judged by, independent of Weir. */
export interface Dump {
  /** By type, schema and name; statements as lines in an order of their own. */
  schema: Map<string, DumpEntry>;
  /** By table. */
  rows: Map<string, DumpedRows>;
}

export interface DumpEntry {
  type: string;
  schema: string;
  name: string;
  lines: string[];
}

export interface DumpedRows {
  schema: string;
  table: string;
  columns: string[];
  /** Sorted; values in the order of the sorted columns. */
  lines: string[];
}

const MAX_DUMP_BYTES = 1024 ** 3;
/** The session settings of the database or role must not change what is printed, nor end the session. */
const PINNED =
  '-c statement_timeout=0 -c lock_timeout=0 -c default_transaction_read_only=off -c idle_in_transaction_session_timeout=0 -c timezone=UTC -c array_nulls=on -c standard_conforming_strings=on -c bytea_output=hex';

/** The one that is named, else that of the servers or the machine; undefined where there is none. */
export function findPgDump(): string | undefined {
  const named = process.env['WEIR_PG_DUMP'];
  if (named !== undefined && named !== '') return named;
  const beside = path.join(requirePostgres().directory, 'pg_dump');
  return isExecutable(beside) ? beside : findOnPath('pg_dump');
}

/** Throws where it would refuse servers of that version; both ends are dumped by one, in the same words. */
export function requirePgDump(version: number): void {
  const program = findPgDump();
  if (program === undefined) throw new Error('this machine has no pg_dump');
  const said = execFileSync(program, ['--version'], { encoding: 'utf8' });
  if (Number(/ (\d+)/.exec(said)?.[1]) >= version) return;
  throw new Error(`${said.trim()} does not dump PostgreSQL ${version}; name another in WEIR_PG_DUMP, or use --postgres`); // prettier-ignore
}

export async function dumpDatabase(url: string, excluded: readonly string[] = []): Promise<Dump> {
  const options = ['--no-owner', '--quote-all-identifiers', ...excluded.map((schema) => `--exclude-schema="${schema}"`)]; // prettier-ignore
  return parseDump(await runPgDump(url, options));
}

const FOR_ANOTHER = ['--no-owner', '--no-publications', '--no-subscriptions'];

/** The structure as statements, which another database takes. */
export async function dumpStructure(url: string): Promise<string> {
  return forAnother(await runPgDump(url, ['--schema-only', ...FOR_ANOTHER]));
}

/** Puts all that one database has into another, by COPY: as INSERT, `pg_dump` would write -0 so that 0 is read. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  const text = forAnother(await runPgDump(from, FOR_ANOTHER));
  const psql = path.join(path.dirname(findPgDump()!), 'psql');
  const child = spawn(psql, ['-X', '-q', '-o', '/dev/null', to], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...process.env, PGOPTIONS: PINNED, PGCLIENTENCODING: 'UTF8' },
  });
  child.stdin.end(text);
  await once(child, 'close');
}

/** Without what only psql of that version takes, and what only later servers know. */
function forAnother(text: string): string {
  return text.replaceAll(/^(\\(un)?restrict |SET transaction_timeout).*$/gm, '');
}

async function runPgDump(url: string, options: readonly string[]): Promise<string> {
  const program = findPgDump();
  if (program === undefined) throw new Error('this machine has no pg_dump');
  const { stdout } = await promisify(execFile)(program, ['--no-sync', ...options, url], {
    maxBuffer: MAX_DUMP_BYTES,
    env: { ...process.env, PGOPTIONS: PINNED, PGCLIENTENCODING: 'UTF8' },
  });
  return stdout;
}

export function parseDump(text: string): Dump {
  const dump: Dump = { schema: new Map(), rows: new Map() };
  const lines = text.split('\n');
  let entry: DumpEntry | undefined;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    const head = HEAD.exec(line);
    if (head !== null && lines[i - 1] === '--' && lines[i + 1] === '--') {
      const [, name, type, schema] = head as unknown as [string, string, string, string];
      entry = { type, schema, name, lines: [] };
      if (type !== 'TABLE DATA') keep(dump.schema, entry);
      i++;
    } else if (entry?.type === 'TABLE DATA' && line.startsWith('COPY ')) {
      const end = lines.indexOf('\\.', i);
      dump.rows.set(`${entry.schema}.${entry.name}`, toRows(entry, line, lines.slice(i + 1, end)));
      i = end;
    } else if (entry !== undefined && line !== '' && line !== '--' && !IGNORED.test(line))
      entry.lines.push(line.replace(/[,;]$/, ''));
  }
  // Columns may stand in another order, as in a partition that was attached.
  for (const { type, lines: own } of dump.schema.values()) if (type === 'TABLE') own.sort();
  return dump;
}

const HEAD = /^-- (?:Data for )?Name: (.*); Type: (.*); Schema: (.*); Owner: .*$/s;
/** Of the session, not of the entry. */
const IGNORED = /^(SET default_|\\(un)?restrict|-- PostgreSQL database dump)/;

function keep(entries: Dump['schema'], entry: DumpEntry): void {
  const key = `${entry.type} ${entry.schema}.${entry.name}`;
  const known = entries.get(key);
  // Such as functions that differ in their arguments.
  if (known !== undefined) entries.set(`${key} (${entries.size})`, entry);
  else entries.set(key, entry);
}

function toRows({ schema, name }: DumpEntry, copy: string, lines: string[]): DumpedRows {
  const list = /^COPY .*? \((.*)\) FROM stdin;$/s.exec(copy.replace(/^COPY (?:"(?:[^"]|"")*"\.?)+/, 'COPY x'))?.[1] ?? ''; // prettier-ignore
  const columns = list.match(/"(?:[^"]|"")*"/g) ?? [];
  const order = columns.map((_, i) => i).sort((a, b) => (columns[a]! < columns[b]! ? -1 : 1));
  const sorted = order.every((at, i) => at === i)
    ? lines
    : lines.map((line) => {
        const values = line.split('\t');
        return order.map((at) => values[at]).join('\t');
      });
  return { schema, table: name, columns: order.map((at) => columns[at]!), lines: sorted.sort() };
}
