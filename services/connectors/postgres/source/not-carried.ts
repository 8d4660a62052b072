import type pg from 'pg';
import type { NotCarried } from '../../../../shared/connector/finding.ts';
import type { SourceTable } from '../catalog/catalog.ts';
import { qualifiedName } from '../connection/names.ts';
import { NOT_CARRIED_KINDS } from './not-carried-kinds.ts';

/** Names told of each kind. */
const NAMES = 3;

/**
 * What there is beside tables and their rows, and stays behind: of the tables that are carried, and of the schemas that
 * those are in (of all schemas where `everything` is carried), as `pg_dump` would have it.
 */
export async function readNotCarried(
  client: pg.Client,
  tables: readonly SourceTable[],
  everything: boolean,
): Promise<NotCarried[]> {
  const types = tables.flatMap(({ definition }) =>
    definition.types.map(({ schema, name }) => qualifiedName(schema, name)),
  );
  const { rows } = await client.query<{ nth: number; count: string; names: string[] }>(
    notCarriedSql(),
    [
      tables.map(({ oid }) => oid),
      everything ? null : [...new Set(tables.map(({ schema }) => schema))],
      types,
      tables.flatMap(({ definition }) => (definition.extensions ?? []).map(({ name }) => name)),
    ],
  );
  return rows.map(({ nth, count, names }) => {
    const { kind, bring } = NOT_CARRIED_KINDS[nth]!;
    return { kind, count: Number(count), names, ...(bring !== undefined && { bring }) };
  });
}

/**
 * Each kind has a query of `name`s over `carried` (OIDs, partitions too), `numbered` (sequences), `scope` (schemas) and
 * `own(class, oid)`.
 */
function notCarriedSql(): string {
  const kinds = NOT_CARRIED_KINDS.map(({ sql }, nth) => `SELECT ${nth} AS nth, k.name::text FROM (${sql}) k(name)`); // prettier-ignore
  return `
WITH RECURSIVE carried(oid) AS (
  SELECT unnest($1::oid[])
  UNION
  SELECT i.inhrelid FROM carried JOIN pg_catalog.pg_inherits i ON i.inhparent = carried.oid
  JOIN pg_catalog.pg_class p ON p.oid = i.inhrelid AND p.relispartition
), scope AS (
  SELECT n.oid, n.nspname, n.nspacl, n.nspowner FROM pg_catalog.pg_namespace n
  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'weir') AND n.nspname !~ '^pg_(toast|temp)'
    AND ($2::text[] IS NULL OR n.nspname = ANY ($2::text[]))
), extended(class, oid) AS (
  -- Also what comes with a type that is made: constructors of ranges, and their casts.
  SELECT d.classid, d.objid FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'
    OR (d.deptype = 'i' AND d.classid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_cast'::regclass))
), numbered(oid) AS (
  SELECT c.oid FROM pg_catalog.pg_class c JOIN scope s ON s.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
    AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
  WHERE c.relkind = 'S' AND (d.objid IS NULL OR d.refobjid IN (SELECT oid FROM carried))
    AND ('pg_catalog.pg_class'::regclass::oid, c.oid) NOT IN (SELECT class, oid FROM extended)
), used(name) AS (SELECT unnest($3::text[])), brought(name) AS (SELECT unnest($4::text[]))
SELECT nth, count(*)::text AS count, (array_agg(name ORDER BY name COLLATE "C"))[1:${NAMES}] AS names
FROM (${kinds.join('\nUNION ALL\n')}) found GROUP BY nth ORDER BY nth`;
}
