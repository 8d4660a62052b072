import type pg from 'pg';
import { partitionTree } from './partition-tree.ts';
import type {
  ColumnDefinition,
  ConstraintDefinition,
  LeftOut,
  PartitionDefinition,
  SequenceDefinition,
} from './table-definition.ts';

/** A column with what only this source needs to know of it. */
export interface CatalogColumn extends ColumnDefinition {
  number: number;
  typeOid: number;
  typmod: number;
  isGenerated: boolean;
  /** Of a collation under which different texts may be equal. */
  isFolded: boolean;
  comment: string | null;
}

export interface CatalogIndex {
  name: string;
  definition: string;
  /** False for an index that only a partition has. */
  isOwn: boolean;
  isUnique: boolean;
  isExclusion: boolean;
  isPrimary: boolean;
  isReplicaIdentity: boolean;
  /** False of what CREATE INDEX CONCURRENTLY has left behind, and of one that not all partitions have. */
  isValid: boolean;
  /** Checked at once and whole: valid, immediate, without predicate or expression. WITHOUT OVERLAPS says more than that. */
  isUsableKey: boolean;
  hasConstraint: boolean;
  /** `attnum` of its key columns; 0 for an expression. */
  columns: number[];
  /** All collations of its key columns tell apart what differs in bytes. */
  isDeterministic: boolean;
}

export interface Leaf {
  oid: number;
  /** `pg_class.relfilenode`, of the moment at which the catalog is seen. */
  fileNode: number;
  schema: string;
  name: string;
  leftOut: LeftOut;
  /** Pages of the heap, and bytes with TOAST; 0 where they were not measured. */
  pages: number;
  bytes: number;
}

/**
 * To measure a table takes a lock on it: who has to come by while others change it, and a reader of ours waits for the
 * answer with the table locked, must not.
 */
export type LeafSizes = 'measured' | 'unknown';

/** What the catalog holds of one table. */
export interface TableDetail {
  columns: CatalogColumn[];
  constraints: ConstraintDefinition[];
  indexes: CatalogIndex[];
  sequences: SequenceDefinition[];
  partitionBy: string | null;
  partitions: PartitionDefinition[];
  parents: { schema: string; name: string }[];
  /** Where the rows are: the table itself, or the leaves of a partitioned one. */
  leaves: Leaf[];
  comment: string | null;
}

/** Reads all there is to know of the tables, in one query. */
export async function readTableDetails(
  client: pg.Client,
  oids: readonly number[],
  sizes: LeafSizes = 'unknown',
): Promise<Map<number, TableDetail>> {
  const { rows } = await client.query<{ oid: number } & TableDetail>(DETAILS_SQL, [
    oids,
    sizes === 'measured',
  ]);
  return new Map(rows.map((row) => [row.oid, row]));
}

/** `LeftOut` of a table or partition. */
function leftOut(table: string): string {
  return `CASE WHEN ${table}.relkind = 'f' THEN 'foreign' WHEN ${table}.relkind = 'r' AND ${table}.relpersistence <> 'p' THEN 'unlogged' END`;
}

/** `formatNamespace` in SQL, for one part. */
function namespacePart(name: string): string {
  return `CASE WHEN ${name} ~ '[."]' THEN '"' || replace(${name}, '"', '""') || '"' ELSE ${name}::text END`;
}

const COLLATION = `
  (SELECT quote_ident(cn.nspname) || '.' || quote_ident(co.collname)
   FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
   WHERE co.oid = a.attcollation AND a.attcollation <> ty.typcollation)`;

/** NOT NULL that holds for all rows there are. */
function notNull(column: string): string {
  return `(${column}.attnotnull AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = ${column}.attrelid AND k.contype = 'n'
        AND NOT k.convalidated AND ${column}.attnum = ANY (k.conkey)))`;
}

/** `ColumnDefinition` of the column `a` with the type `ty` and the default `d`. */
const COLUMN = `
    'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'notNull', ${notNull('a')},
    'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
    'missing', CASE WHEN a.atthasmissing THEN array_to_string(a.attmissingval, '') END,
    'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
    'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
    'generatedKind', CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END,
    'collation', ${COLLATION}`;

const COLUMNS = `
  SELECT json_agg(json_build_object(
    'number', a.attnum, 'typeOid', a.atttypid::int8, 'typmod', a.atttypmod, 'isGenerated', a.attgenerated <> '',
    'isFolded', EXISTS (SELECT FROM pg_catalog.pg_collation o WHERE o.oid = a.attcollation AND NOT o.collisdeterministic),
    'comment', col_description(a.attrelid, a.attnum),
    ${COLUMN}) ORDER BY a.attnum)
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type ty ON ty.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`;

const CONSTRAINTS = `
  SELECT json_agg(json_build_object(
    'name', k.conname,
    'kind', CASE k.contype WHEN 'p' THEN 'primary' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign'
      WHEN 'c' THEN 'check' ELSE 'exclusion' END,
    'definition', pg_get_constraintdef(k.oid),
    'references', CASE WHEN k.contype = 'f' THEN (
      SELECT ${namespacePart('rn.nspname')} || '.' || ${namespacePart('rc.relname')}
      FROM pg_catalog.pg_class rc JOIN pg_catalog.pg_namespace rn ON rn.oid = rc.relnamespace
      WHERE rc.oid = k.confrelid) END) ORDER BY k.contype = 'f', k.conname)
  FROM pg_catalog.pg_constraint k
  WHERE k.conrelid = c.oid AND k.conparentid = 0 AND k.contype IN ('p', 'u', 'f', 'c', 'x')`;

const INDEXES = `
  SELECT json_agg(json_build_object(
    'name', ic.relname,
    'definition', pg_get_indexdef(i.indexrelid),
    'isOwn', i.indrelid = c.oid, 'isUnique', i.indisunique, 'isExclusion', i.indisexclusion, 'isPrimary', i.indisprimary,
    'isReplicaIdentity', i.indisreplident, 'isValid', i.indisvalid,
    'isUsableKey', i.indisunique AND i.indimmediate AND i.indisvalid
      AND i.indpred IS NULL AND i.indexprs IS NULL,
    'hasConstraint', EXISTS (SELECT FROM pg_catalog.pg_constraint k
      WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')),
    'columns', (i.indkey::int2[])[0:i.indnkeyatts - 1],
    'isDeterministic', NOT EXISTS (SELECT FROM unnest(i.indcollation::oid[]) x
      JOIN pg_catalog.pg_collation co ON co.oid = x WHERE NOT co.collisdeterministic)
  ) ORDER BY ic.relname)
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
  WHERE i.indrelid = c.oid OR (c.relkind = 'p' AND NOT ic.relispartition AND i.indisunique
    AND i.indrelid IN (SELECT relid FROM ${partitionTree('c.oid')} tree))`;

/** Of a table or a partition. What another column owns has no dependency on this one but the default's. */
function sequencesOf(table: string): string {
  return `
  SELECT json_agg(DISTINCT jsonb_build_object(
    'schema', sn.nspname, 'name', sc.relname, 'column', a.attname,
    'kind', coalesce((SELECT CASE
        WHEN own.refobjid <> a.attrelid OR own.refobjsubid <> a.attnum THEN 'shared'
        WHEN own.deptype = 'i' THEN 'identity' ELSE 'serial' END
      FROM pg_catalog.pg_depend own WHERE own.classid = 'pg_catalog.pg_class'::regclass AND own.objid = sc.oid
        AND own.refclassid = 'pg_catalog.pg_class'::regclass AND own.refobjsubid > 0 AND own.deptype IN ('i', 'a')), 'standalone'),
    'dataType', format_type(s.seqtypid, NULL), 'start', s.seqstart::text, 'increment', s.seqincrement::text,
    'min', s.seqmin::text, 'max', s.seqmax::text, 'cache', s.seqcache::text, 'cycle', s.seqcycle))
  FROM (
    SELECT dep.objid AS sequence, dep.refobjsubid AS number FROM pg_catalog.pg_depend dep
    WHERE dep.classid = 'pg_catalog.pg_class'::regclass AND dep.refclassid = 'pg_catalog.pg_class'::regclass
      AND dep.refobjid = ${table} AND dep.refobjsubid > 0 AND dep.deptype IN ('i', 'a')
    UNION
    SELECT dep.refobjid, d.adnum FROM pg_catalog.pg_attrdef d
    JOIN pg_catalog.pg_depend dep ON dep.classid = 'pg_catalog.pg_attrdef'::regclass AND dep.objid = d.oid
      AND dep.refclassid = 'pg_catalog.pg_class'::regclass
    WHERE d.adrelid = ${table}
  ) fed
  JOIN pg_catalog.pg_sequence s ON s.seqrelid = fed.sequence
  JOIN pg_catalog.pg_class sc ON sc.oid = s.seqrelid
  JOIN pg_catalog.pg_namespace sn ON sn.oid = sc.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = ${table} AND a.attnum = fed.number`;
}

/**
 * Columns of the partition `pc` that are not as its parent `uc` has them. The texts of two expressions are made only
 * where what is stored of them differs, which it hardly ever does.
 */
const OWN_COLUMNS = `
  SELECT json_agg(json_build_object(${COLUMN}) ORDER BY a.attnum)
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_attribute ua ON ua.attrelid = uc.oid AND ua.attname = a.attname AND ua.attnum > 0 AND NOT ua.attisdropped
  JOIN pg_catalog.pg_type ty ON ty.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN pg_catalog.pg_attrdef ud ON ud.adrelid = ua.attrelid AND ud.adnum = ua.attnum
  WHERE a.attrelid = pc.oid AND a.attnum > 0 AND NOT a.attisdropped AND (
    (a.attnotnull <> ua.attnotnull AND ${notNull('a')} <> ${notNull('ua')})
    OR (a.attidentity <> ua.attidentity AND a.attidentity <> '')
    OR CASE WHEN d.adbin::text IS DISTINCT FROM ud.adbin::text
      THEN pg_get_expr(d.adbin, d.adrelid) IS DISTINCT FROM pg_get_expr(ud.adbin, ud.adrelid) ELSE false END)`;

/** Those that its parent's defaults use are with the parent. */
const OWN_SEQUENCES = `
  SELECT json_agg(q) FROM json_array_elements((${sequencesOf('pc.oid')})) q
  WHERE NOT EXISTS (SELECT FROM json_array_elements((${sequencesOf('uc.oid')})) u
    WHERE u ->> 'schema' = q ->> 'schema' AND u ->> 'name' = q ->> 'name' AND u ->> 'column' = q ->> 'column')`;

const PARTITIONS = `
  SELECT json_agg(json_build_object(
    'schema', pn.nspname, 'name', pc.relname,
    'parent', json_build_object('schema', un.nspname, 'name', uc.relname),
    'bound', pg_get_expr(pc.relpartbound, pc.oid),
    'partitionBy', pg_get_partkeydef(pc.oid), 'leftOut', ${leftOut('pc')},
    'columns', coalesce((${OWN_COLUMNS}), '[]'), 'sequences', coalesce((${OWN_SEQUENCES}), '[]')) ORDER BY tree.level, pn.nspname, pc.relname)
  FROM ${partitionTree('c.oid')} tree
  JOIN pg_catalog.pg_class pc ON pc.oid = tree.relid
  JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace
  JOIN pg_catalog.pg_class uc ON uc.oid = tree.parentrelid
  JOIN pg_catalog.pg_namespace un ON un.oid = uc.relnamespace
  WHERE tree.level > 0`;

const PARENTS = `
  SELECT json_agg(json_build_object('schema', un.nspname, 'name', uc.relname) ORDER BY i.inhseqno)
  FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class uc ON uc.oid = i.inhparent
  JOIN pg_catalog.pg_namespace un ON un.oid = uc.relnamespace WHERE i.inhrelid = c.oid AND NOT c.relispartition`;

const LEAVES = `
  SELECT json_agg(json_build_object(
    'oid', lc.oid::int8, 'fileNode', lc.relfilenode::int8,
    'schema', ln.nspname, 'name', lc.relname, 'leftOut', ${leftOut('lc')},
    'pages', CASE WHEN $2 THEN pg_relation_size(lc.oid) / current_setting('block_size')::int8 ELSE 0 END,
    'bytes', CASE WHEN $2 THEN pg_relation_size(lc.oid) + coalesce(pg_relation_size(nullif(lc.reltoastrelid, 0)), 0) ELSE 0 END
  ) ORDER BY ln.nspname, lc.relname)
  FROM (
    SELECT c.oid WHERE c.relkind = 'r'
    UNION ALL
    SELECT tree.relid FROM ${partitionTree('c.oid')} tree WHERE c.relkind = 'p' AND tree.isleaf
  ) leaf
  JOIN pg_catalog.pg_class lc ON lc.oid = leaf.oid AND lc.relkind IN ('r', 'f')
  JOIN pg_catalog.pg_namespace ln ON ln.oid = lc.relnamespace`;

const DETAILS_SQL = `
SELECT c.oid, coalesce((${COLUMNS}), '[]') AS columns, coalesce((${CONSTRAINTS}), '[]') AS constraints,
  coalesce((${INDEXES}), '[]') AS indexes, coalesce((${sequencesOf('c.oid')}), '[]') AS sequences,
  CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS "partitionBy",
  coalesce((${PARTITIONS}), '[]') AS partitions, coalesce((${PARENTS}), '[]') AS parents,
  coalesce((${LEAVES}), '[]') AS leaves, obj_description(c.oid, 'pg_class') AS comment
FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::oid[])`;
