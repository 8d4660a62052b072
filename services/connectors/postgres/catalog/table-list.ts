import type pg from 'pg';
import type { Finding } from '../../../../shared/connector/finding.ts';
import { formatNamespace } from '../connection/names.ts';
import { IS_STATE, STATE_SCHEMA } from './state-schema.ts';
import { partitionTree } from './partition-tree.ts';
import { parseTablePattern } from './table-pattern.ts';

/** A table of the source, as the list of all tables has it. */
export interface ListedTable {
  oid: number;
  schema: string;
  name: string;
  namespace: string;
  /** `r` ordinary, `p` partitioned, `f` foreign. */
  kind: 'r' | 'p' | 'f';
  persistence: 'p' | 'u' | 't';
  isPartition: boolean;
  /** `pg_class.relreplident`: d default, f full, i index, n nothing. */
  replicaIdentity: ReplicaIdentity;
  /** Of a partitioned table: the different ones of its partitions, as far as they are followed. */
  leafIdentities: ReplicaIdentity[];
  /** Without any column but generated ones. */
  isEmpty: boolean;
  isOwned: boolean;
  /** What of the table and its partitions this role may not read, as SQL names it. */
  denied: string[];
  /** The same, of which policies hide rows from this role. */
  hiding: string[];
}

export type ReplicaIdentity = 'd' | 'f' | 'i' | 'n';

/** The tables that the patterns name, partitions by their root, and what is wrong with the patterns. */
export async function listTables(
  client: pg.Client,
  patterns: readonly string[] | undefined,
): Promise<{ tables: ListedTable[]; findings: Finding[] }> {
  return selectTables(await listAllTables(client), patterns);
}

export function listAllTables(client: pg.Client): Promise<ListedTable[]> {
  return readList(client, null);
}

export function listTablesOf(client: pg.Client, oids: readonly number[]): Promise<ListedTable[]> {
  return readList(client, oids);
}

async function readList(client: pg.Client, oids: readonly number[] | null): Promise<ListedTable[]> {
  const { rows } = await client.query<Omit<ListedTable, 'namespace'>>(TABLES_SQL, [oids]);
  return rows.map((row) => ({ ...row, namespace: formatNamespace(row.schema, row.name) }));
}

export function selectTables(
  all: readonly ListedTable[],
  patterns: readonly string[] | undefined,
): { tables: ListedTable[]; findings: Finding[] } {
  const findings: Finding[] = [];
  const chosen = new Set<ListedTable>();
  for (const text of patterns ?? ['*']) {
    const pattern = parseTablePattern(text);
    const matched = all.filter((table) => pattern.matches(table.schema, table.name));
    const roots = matched.filter((table) => !table.isPartition);
    for (const table of roots) chosen.add(table);
    if (roots.length > 0) continue;
    findings.push({
      level: 'error',
      subject: text,
      message: patterns === undefined ? 'The source has no table to copy.' : missing(text, matched),
    });
  }
  const tables: ListedTable[] = [];
  for (const table of chosen) {
    const reason = unfitReason(table);
    if (reason === null) tables.push(table);
    else findings.push({ level: 'warning', subject: table.namespace, message: reason });
  }
  tables.sort((a, b) => (a.namespace < b.namespace ? -1 : 1));
  return { tables, findings };
}

function missing(text: string, partitions: readonly ListedTable[]): string {
  return partitions.length > 0
    ? `"${text}" names only partitions, such as ${partitions[0]!.namespace}; name the partitioned table itself, its partitions come with it.`
    : `No table at the source matches "${text}"; correct the pattern, or create the table first.`;
}

function unfitReason(table: ListedTable): string | null {
  if (table.schema === STATE_SCHEMA)
    return `${table.namespace} is left out, because a schema of that name is Weir's own at a target; to include it: ALTER SCHEMA weir RENAME TO another name.`;
  if (table.kind === 'f')
    return `${table.namespace} is a foreign table and is left out: its rows are on another server; copy them from there.`;
  if (table.persistence !== 'p' && table.kind === 'p')
    return `${table.namespace} is declared UNLOGGED and is left out with all its partitions, because PostgreSQL does not publish it; to include it, recreate the partitioned table without UNLOGGED and attach its partitions to it.`;
  if (table.persistence !== 'p')
    return `${table.namespace} is unlogged and is left out, because its changes are not in the log; to include it: ALTER TABLE … SET LOGGED.`;
  if (table.isEmpty)
    return `${table.namespace} has no column that could travel (none at all, or generated ones only) and is left out.`;
  return null;
}

/** SQL names of those, of a table and its partitions, which are read by themselves. */
function parts(which: string): string {
  return `ARRAY(SELECT '"' || replace(m.nspname, '"', '""') || '"."' || replace(l.relname, '"', '""') || '"' FROM pg_catalog.pg_class l
    JOIN pg_catalog.pg_namespace m ON m.oid = l.relnamespace WHERE (l.oid = c.oid OR l.oid IN (
    SELECT p.relid FROM ${partitionTree('c.oid')} p WHERE c.relkind = 'p' AND NOT c.relispartition))
    AND l.relkind <> 'f' AND (l.relpersistence = 'p' OR l.oid = c.oid) AND ${which} ORDER BY 1)`;
}

/** All or some, without the system's schemas, Weir's own, and what belongs to an extension. */
const TABLES_SQL = `
SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.relpersistence AS persistence,
  c.relispartition AS "isPartition", c.relreplident AS "replicaIdentity",
  CASE WHEN c.relkind = 'p' AND NOT c.relispartition THEN ARRAY(
    SELECT DISTINCT l.relreplident::text FROM ${partitionTree('c.oid')} p
    JOIN pg_catalog.pg_class l ON l.oid = p.relid WHERE p.isleaf AND l.relkind = 'r' AND l.relpersistence = 'p')
  ELSE '{}' END AS "leafIdentities",
  NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS "isEmpty",
  pg_has_role(c.relowner, 'USAGE') AS "isOwned",
  ${parts("NOT (has_table_privilege(l.oid, 'SELECT') AND has_schema_privilege(l.relnamespace, 'USAGE'))")} AS "denied",
  ${parts(`l.relrowsecurity AND (l.relforcerowsecurity OR NOT pg_has_role(l.relowner, 'USAGE'))
    AND NOT (SELECT r.rolsuper OR r.rolbypassrls FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)`)} AS "hiding"
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND ($1::oid[] IS NULL OR c.oid = ANY ($1))
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT (n.nspname = 'weir' AND ${IS_STATE})
  AND n.nspname !~ '^pg_(toast|temp)'
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname`;
