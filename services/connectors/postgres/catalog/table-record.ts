import type pg from 'pg';
import { partitionTree } from './partition-tree.ts';

/**
 * What a table and its columns are, under whatever names: kept in the plan beside the definition, so that a table or a
 * column that was put in another's place is not taken for it. Only the source that made it reads it.
 */
export interface TableRecord {
  oid: number;
  columns: ColumnRecord[];
  /** The highest number that any column has had: those behind it came later. */
  lastNumber: number;
  /** Where the rows are. A file of another number holds rows that were written anew, or emptied. */
  leaves: { oid: number; file: number }[];
}

export interface ColumnRecord {
  /** `attnum`: a column keeps it for life, and no other of the table gets it. */
  number: number;
  name: string;
  /** The transaction that wrote the column's row in the catalog: whatever alters the column writes it anew. */
  writtenBy: string;
  /** Of its default: an ALTER of its type makes that anew, too. Null where it has none. */
  defaultId: number | null;
  /** Older rows have a value that is only in the catalog; whatever rewrites the table takes that away. */
  hasMissing: boolean;
}

/** Whether both are of the same table and columns, none of them altered; its rows may be in other files. */
export function isSameRecord(a: TableRecord | undefined, b: TableRecord | undefined): boolean {
  const text = (record: TableRecord | undefined): string =>
    JSON.stringify([
      record?.oid,
      record?.lastNumber,
      record?.columns.map((each) => [each.number, each.name, each.writtenBy]),
    ]);
  return text(a) === text(b);
}

/** The value that older rows have of each column that came later (`attmissingval`), in one leaf. */
export interface LeafValues {
  oid: number;
  schema: string;
  name: string;
  missing: Record<string, string>;
}

export interface RecordedTable {
  record: TableRecord;
  leaves: LeafValues[];
}

/** A pipeline's tables by OID. */
export async function readTableRecords(
  client: pg.Client,
  oids: readonly number[],
): Promise<Map<number, RecordedTable>> {
  const { rows } = await client.query<Row>(RECORDS_SQL, [oids]);
  return new Map(
    rows.map(({ oid, columns, lastNumber, leaves }) => [
      oid,
      {
        record: {
          oid,
          columns,
          lastNumber,
          leaves: leaves.map(({ oid: leaf, file }) => ({ oid: leaf, file })),
        },
        leaves: leaves.map(({ file: _, ...leaf }) => leaf),
      },
    ]),
  );
}

interface Row {
  oid: number;
  columns: ColumnRecord[];
  lastNumber: number;
  leaves: (LeafValues & { file: number })[];
}

const LEAVES = `
  SELECT l.oid, n.nspname, l.relname, l.relfilenode
  FROM (
    SELECT c.oid WHERE c.relkind <> 'p'
    UNION ALL
    SELECT t.relid FROM ${partitionTree('c.oid')} t WHERE c.relkind = 'p' AND t.isleaf
  ) leaf
  JOIN pg_catalog.pg_class l ON l.oid = leaf.oid AND l.relkind = 'r' AND l.relpersistence = 'p'
  JOIN pg_catalog.pg_namespace n ON n.oid = l.relnamespace`;

const RECORDS_SQL = `
SELECT c.oid, c.relnatts::int AS "lastNumber",
  coalesce((SELECT json_agg(json_build_object('number', a.attnum, 'name', a.attname, 'writtenBy', a.xmin::text,
      'hasMissing', a.atthasmissing,
      'defaultId', (SELECT d.oid::int8 FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum))
      ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
  coalesce((SELECT json_agg(json_build_object('oid', l.oid::int8, 'schema', l.nspname, 'name', l.relname,
      'file', l.relfilenode::int8, 'missing', coalesce((
        SELECT json_object_agg(a.attname, array_to_string(a.attmissingval, ''))
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = l.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atthasmissing), '{}'))
      ORDER BY l.oid)
    FROM (${LEAVES}) l), '[]') AS leaves
FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::oid[])`;

/**
 * Something that is other text whenever any of the tables, their columns or keys, or a type that a user made is
 * altered, and is read in a moment whatever the number of tables.
 */
export async function readStructureMark(
  client: pg.Client,
  oids: readonly number[],
): Promise<string> {
  const { rows } = await client.query<{ mark: string }>(MARK_SQL, [oids]);
  return rows[0]!.mark;
}

const MARK_SQL = `
WITH tables AS (SELECT unnest($1::oid[]) AS oid)
SELECT concat_ws(' ',
  (SELECT md5(string_agg(concat_ws(',', c.oid, c.relname, n.nspname, c.relreplident), ';' ORDER BY c.oid))
   FROM tables t JOIN pg_catalog.pg_class c ON c.oid = t.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace),
  (SELECT md5(string_agg(concat_ws(',', a.attrelid, a.attnum, a.xmin), ';' ORDER BY a.attrelid, a.attnum))
   FROM tables t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0),
  (SELECT md5(string_agg(concat_ws(',', d.oid, d.xmin), ';' ORDER BY d.oid))
   FROM tables t JOIN pg_catalog.pg_attrdef d ON d.adrelid = t.oid),
  (SELECT md5(string_agg(concat_ws(',', i.indexrelid, i.indisprimary, i.indisreplident, i.indisunique, i.indimmediate, i.indisvalid), ';'
     ORDER BY i.indexrelid))
   FROM tables t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid),
  (SELECT md5(string_agg(concat_ws(',', p.prpubid, p.prrelid), ';' ORDER BY p.prpubid, p.prrelid))
   FROM tables t JOIN pg_catalog.pg_publication_rel p ON p.prrelid = t.oid),
  (SELECT md5(string_agg(concat_ws(',', y.oid, y.xmin, y.typname, y.typnamespace), ';' ORDER BY y.oid))
   FROM pg_catalog.pg_type y WHERE y.typtype IN ('d', 'e') OR (y.typtype = 'c' AND EXISTS (
     SELECT FROM pg_catalog.pg_class r WHERE r.oid = y.typrelid AND r.relkind = 'c'))),
  (SELECT md5(string_agg(concat_ws(',', e.oid, e.xmin), ';' ORDER BY e.oid)) FROM pg_catalog.pg_enum e),
  (SELECT md5(string_agg(concat_ws(',', k.oid, k.xmin), ';' ORDER BY k.oid)) FROM pg_catalog.pg_constraint k
   WHERE k.contypid <> 0),
  (SELECT md5(string_agg(concat_ws(',', a.attrelid, a.attnum, a.xmin), ';' ORDER BY a.attrelid, a.attnum))
   FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
   WHERE c.relkind = 'c')) AS mark`;
