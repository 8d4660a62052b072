import type pg from 'pg';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { formatNamespace } from '../../connection/names.ts';

/**
 * What of a leaf must be the same when its rows are read as when the snapshot was taken. Some statements are not for
 * snapshots that are older than they are: behind a rewriting ALTER TABLE such a snapshot sees an empty table, behind
 * VACUUM FULL the rows lie elsewhere, and a name may be that of another column or table.
 */
export interface LeafStamp {
  name: string;
  /** `pg_class.relfilenode`: another one after each statement that writes the table anew. */
  fileNode: number;
  /** How its rows are made and kept: each statement that computes values anew changes some of it. */
  made: string;
  /** Number, type and its modifier, by name. */
  columns: Record<string, string>;
}

/** As the transaction of `client` sees them; a leaf that is gone is not among them. */
export async function readLeafStamps(
  client: pg.Client,
  oids: readonly number[],
): Promise<Map<number, LeafStamp>> {
  const { rows } = await client.query<{
    oid: number;
    schema: string;
    table: string;
    fileNode: string;
    made: string;
    columns: Record<string, string>;
  }>(
    `SELECT c.oid, n.nspname AS schema, c.relname AS table, c.relfilenode::text AS "fileNode", (
       SELECT concat_ws(' ', c.relpersistence, c.reltablespace, c.relam, string_agg(concat(a.attnum, ':', a.xmin), ' ' ORDER BY a.attnum))
       FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0) AS made, coalesce((
       SELECT json_object_agg(a.attname, format('%s %s %s', a.attnum, a.atttypid, a.atttypmod))
       FROM pg_catalog.pg_attribute a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '{}') AS columns
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = ANY ($1::oid[])`,
    [oids],
  );
  return new Map(
    rows.map(({ oid, schema, table, fileNode, made, columns }) => [
      oid,
      { name: formatNamespace(schema, table), fileNode: Number(fileNode), made, columns },
    ]),
  );
}

/**
 * Throws COPY_INTERRUPTED where the leaf is no longer what the snapshot sees, as far as the copy of `relation` goes. Returns
 * whether its rows are in another file all the same: then it was TRUNCATE, and the snapshot sees none, or VACUUM FULL or
 * CLUSTER, which keep the rows' ages, and the snapshot sees all of them, though on other pages.
 */
export function requireSameLeaf(
  { namespace, columns }: Pick<Relation, 'namespace' | 'columns'>,
  before: LeafStamp | undefined,
  now: LeafStamp | undefined,
): boolean {
  if (before === undefined || now === undefined)
    throw interrupted(before?.name ?? namespace, 'was dropped');
  if (before.name !== now.name) throw interrupted(before.name, `was renamed to ${now.name}`);
  const isMoved = before.fileNode !== now.fileNode;
  if (isMoved && before.made !== now.made) throw writtenAnew(before.name);
  const other = columns.find(({ name }) => before.columns[name] !== now.columns[name]);
  if (other !== undefined) throw interrupted(before.name, `got another column ${other.name}`);
  return isMoved;
}

export function writtenAnew(leaf: string): WeirError {
  return interrupted(leaf, 'was written anew (by ALTER TABLE or the like)');
}

function interrupted(leaf: string, what: string): WeirError {
  return new WeirError(
    'COPY_INTERRUPTED',
    `${leaf} ${what} after the snapshot was taken and before its rows were read, so they are read under a new snapshot`,
  );
}
