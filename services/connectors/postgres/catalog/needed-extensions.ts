import type pg from 'pg';
import { quoteIdent } from '../connection/names.ts';
import type { ExtensionDefinition } from './table-definition.ts';

/**
 * The extensions that tables need, each after those that it needs itself, by what the catalog knows: whatever a table, its
 * defaults, constraints and indexes are made of (types, operator classes, functions), and what that is made of.
 */
export async function readNeededExtensions(
  client: pg.Client,
  oids: readonly number[],
): Promise<Map<number, ExtensionDefinition[]>> {
  const { rows } = await client.query<{ oid: number; extensions: ExtensionDefinition[] }>(
    EXTENSIONS_SQL,
    [oids],
  );
  return new Map(rows.map(({ oid, extensions }) => [oid, extensions]));
}

export function createExtension({ name, schema }: ExtensionDefinition): string {
  return `CREATE EXTENSION IF NOT EXISTS ${quoteIdent(name)} SCHEMA ${quoteIdent(schema)}`;
}

/** Other tables that it refers to are no part of it; a composite type is made of what its columns are. */
const EXTENSIONS_SQL = `
WITH RECURSIVE needs(root, class, oid) AS (
  SELECT c.oid, 'pg_catalog.pg_class'::regclass::oid, c.oid FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::oid[])
  UNION SELECT d.adrelid, 'pg_catalog.pg_attrdef'::regclass::oid, d.oid FROM pg_catalog.pg_attrdef d WHERE d.adrelid = ANY ($1::oid[])
  UNION SELECT k.conrelid, 'pg_catalog.pg_constraint'::regclass::oid, k.oid FROM pg_catalog.pg_constraint k WHERE k.conrelid = ANY ($1::oid[])
  UNION SELECT i.indrelid, 'pg_catalog.pg_class'::regclass::oid, i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid = ANY ($1::oid[])
  UNION
  SELECT n.root, m.class, m.oid FROM needs n CROSS JOIN LATERAL (
    SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend d
    WHERE d.classid = n.class AND d.objid = n.oid AND d.deptype <> 'e'
      AND d.refclassid <> ALL (ARRAY['pg_catalog.pg_namespace', 'pg_catalog.pg_class']::regclass[]::oid[])
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass::oid, t.typrelid FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
    WHERE n.class = 'pg_catalog.pg_type'::regclass AND t.oid = n.oid
    UNION ALL
    SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend d
    WHERE d.classid = n.class AND d.objid = n.oid AND d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass
  ) m(class, oid)
), wanted AS (
  SELECT DISTINCT n.root, e.oid, e.extname, s.nspname FROM needs n
  JOIN pg_catalog.pg_extension e ON n.class = 'pg_catalog.pg_extension'::regclass AND e.oid = n.oid
  JOIN pg_catalog.pg_namespace s ON s.oid = e.extnamespace
)
SELECT root AS oid, json_agg(json_build_object('name', extname, 'schema', nspname) ORDER BY depth, extname) AS extensions
FROM (SELECT w.*, (
  WITH RECURSIVE under(oid, depth) AS (
    SELECT w.oid, 0
    UNION ALL SELECT d.refobjid, u.depth + 1 FROM under u JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_extension'::regclass
      AND d.objid = u.oid AND d.refclassid = 'pg_catalog.pg_extension'::regclass
  ) SELECT max(depth) FROM under) AS depth
  FROM wanted w) ranked
GROUP BY root`;
