/** A kind of thing that `pg_dump` has in its output and Weir leaves where it is. */
export interface NotCarriedKind {
  kind: string;
  /** Names of what there is of it, over the tables of `readNotCarried`. */
  sql: string;
  /** How it comes to the target where a dump of the structure does not bring it. */
  bring?: string;
}

/** Not of an extension, which brings it. */
function own(catalog: string, oid: string): string {
  return `('pg_catalog.${catalog}'::regclass::oid, ${oid}) NOT IN (SELECT class, oid FROM extended)`;
}

/** What is in a schema: `prefix` of its columns, such as `rel` of `relname` and `relnamespace`. */
function inSchema(catalog: string, prefix: string, which = 'true'): string {
  return `SELECT s.nspname || '.' || o.${prefix}name FROM pg_catalog.${catalog} o
    JOIN scope s ON s.oid = o.${prefix}namespace WHERE ${which} AND ${own(catalog, 'o.oid')}`;
}

/** What belongs to a carried table. */
function ofTable(catalog: string, table: string, name: string, which = 'true'): string {
  return `SELECT ${name} || ' of ' || o.${table}::regclass::text FROM pg_catalog.${catalog} o
    JOIN carried t ON t.oid = o.${table} WHERE ${which}`;
}

/** Carried tables that have something. */
function tables(which: string): string {
  return `SELECT c.oid::regclass::text FROM pg_catalog.pg_class c JOIN carried t ON t.oid = c.oid WHERE ${which}`;
}

/** Made by hand: what the server brings has smaller numbers. */
const FIRST_USER_OID = 16_384;

export const NOT_CARRIED_KINDS: readonly NotCarriedKind[] = [
  { kind: 'views', sql: inSchema('pg_class', 'rel', `o.relkind = 'v'`) },
  {
    kind: 'materialised views',
    sql: inSchema('pg_class', 'rel', `o.relkind = 'm'`),
    bring: 'and REFRESH MATERIALIZED VIEW once the rows are there',
  },
  { kind: 'functions and procedures', sql: inSchema('pg_proc', 'pro', `o.prokind <> 'a'`) },
  { kind: 'aggregates', sql: inSchema('pg_proc', 'pro', `o.prokind = 'a'`) },
  {
    kind: 'triggers',
    sql: ofTable('pg_trigger', 'tgrelid', 'o.tgname', 'NOT o.tgisinternal AND o.tgparentid = 0'),
  },
  {
    kind: 'event triggers',
    sql: `SELECT o.evtname FROM pg_catalog.pg_event_trigger o WHERE ${own('pg_event_trigger', 'o.oid')}`,
  },
  { kind: 'rules', sql: ofTable('pg_rewrite', 'ev_class', 'o.rulename') },
  { kind: 'policies', sql: ofTable('pg_policy', 'polrelid', 'o.polname') },
  { kind: 'tables with row security', sql: tables('c.relrowsecurity OR c.relforcerowsecurity') },
  {
    kind: 'types that no carried column has',
    sql: `SELECT s.nspname || '.' || o.typname FROM pg_catalog.pg_type o JOIN scope s ON s.oid = o.typnamespace
      LEFT JOIN pg_catalog.pg_class c ON c.oid = o.typrelid
      WHERE (o.typtype IN ('e', 'd', 'r') OR c.relkind = 'c' OR (o.typtype = 'b' AND o.typelem = 0 AND o.typcategory <> 'A'))
        AND ${own('pg_type', 'o.oid')}
        AND '"' || replace(s.nspname, '"', '""') || '"."' || replace(o.typname, '"', '""') || '"' NOT IN (SELECT name FROM used)`,
  },
  { kind: 'collations', sql: inSchema('pg_collation', 'coll') },
  {
    kind: 'operators and operator classes',
    sql: `${inSchema('pg_operator', 'opr')} UNION ALL ${inSchema('pg_opclass', 'opc')}`,
  },
  {
    kind: 'casts',
    sql: `SELECT o.castsource::regtype::text || ' to ' || o.casttarget::regtype::text FROM pg_catalog.pg_cast o
      WHERE o.oid >= ${FIRST_USER_OID} AND ${own('pg_cast', 'o.oid')}`,
  },
  {
    kind: 'text search configurations and dictionaries',
    sql: `${inSchema('pg_ts_config', 'cfg')} UNION ALL ${inSchema('pg_ts_dict', 'dict')}
      UNION ALL ${inSchema('pg_ts_parser', 'prs')} UNION ALL ${inSchema('pg_ts_template', 'tmpl')}`,
  },
  { kind: 'conversions', sql: inSchema('pg_conversion', 'con') },
  {
    kind: 'languages',
    sql: `SELECT o.lanname FROM pg_catalog.pg_language o WHERE o.oid >= ${FIRST_USER_OID} AND ${own('pg_language', 'o.oid')}`,
  },
  { kind: 'statistics objects', sql: ofTable('pg_statistic_ext', 'stxrelid', 'o.stxname') },
  {
    kind: 'indexes and constraints of single partitions',
    sql: `SELECT x.relname || ' of ' || i.indrelid::regclass::text FROM pg_catalog.pg_index i JOIN carried t ON t.oid = i.indrelid
      JOIN pg_catalog.pg_class p ON p.oid = i.indrelid AND p.relispartition
      JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid AND NOT x.relispartition
      UNION SELECT k.conname || ' of ' || k.conrelid::regclass::text FROM pg_catalog.pg_constraint k JOIN carried t ON t.oid = k.conrelid
      JOIN pg_catalog.pg_class p ON p.oid = k.conrelid AND p.relispartition
      WHERE k.conparentid = 0 AND k.coninhcount = 0 AND k.contype IN ('c', 'f', 'p', 'u', 'x')`,
  },
  {
    kind: 'indexes that are not valid',
    sql: `SELECT i.indexrelid::regclass::text FROM pg_catalog.pg_index i JOIN carried t ON t.oid = i.indrelid WHERE NOT i.indisvalid`,
    bring:
      'REINDEX or DROP INDEX at the source, or ALTER INDEX … ATTACH PARTITION for all partitions, before the first start',
  },
  {
    // In the catalog from 18 on.
    kind: 'names and marks (NOT VALID, NO INHERIT) of NOT NULL constraints',
    sql: `SELECT k.conname || ' of ' || k.conrelid::regclass::text FROM pg_catalog.pg_constraint k JOIN carried t ON t.oid = k.conrelid
      JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
      WHERE k.contype = 'n' AND k.conislocal AND (NOT k.convalidated OR k.connoinherit
        OR k.conname <> left(c.relname || '_' || a.attname || '_not_null', 63))`,
  },
  {
    kind: 'foreign keys to tables that are not carried',
    sql: ofTable(
      'pg_constraint',
      'conrelid',
      'o.conname',
      `o.contype = 'f' AND o.conparentid = 0 AND o.confrelid NOT IN (SELECT oid FROM carried)`,
    ),
    bring: 'carried where the target has the table',
  },
  {
    kind: 'parents of tables (INHERITS) that are not carried',
    sql: `SELECT i.inhrelid::regclass::text || ' from ' || i.inhparent::regclass::text FROM pg_catalog.pg_inherits i
      JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relkind = 'r' AND NOT c.relispartition
      WHERE i.inhrelid IN (SELECT oid FROM carried) AND i.inhparent NOT IN (SELECT oid FROM carried)`,
    bring: 'name them under source.namespaces, or ALTER TABLE … INHERIT at the target afterwards',
  },
  {
    kind: 'sequences that are unlogged',
    sql: `SELECT c.oid::regclass::text FROM pg_catalog.pg_class c JOIN numbered n ON n.oid = c.oid WHERE c.relpersistence = 'u'`,
    bring: 'made as logged ones',
  },
  { kind: 'typed tables (OF)', sql: tables('c.reloftype <> 0') },
  { kind: 'replica identities', sql: tables(`c.relreplident IN ('f', 'i', 'n')`) },
  {
    kind: 'storage parameters of tables and of the indexes of their keys',
    sql: `${tables(`c.reloptions IS NOT NULL OR EXISTS (
        SELECT FROM pg_catalog.pg_class toast WHERE toast.oid = c.reltoastrelid AND toast.reloptions IS NOT NULL)`)}
      UNION ALL SELECT x.oid::regclass::text FROM pg_catalog.pg_class x JOIN pg_catalog.pg_index i ON i.indexrelid = x.oid
      JOIN carried t ON t.oid = i.indrelid WHERE x.reloptions IS NOT NULL
        AND EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = x.oid AND k.contype IN ('p', 'u', 'x'))`,
  },
  {
    kind: 'storage and statistics settings of columns',
    sql: `SELECT a.attrelid::regclass::text || '.' || a.attname FROM pg_catalog.pg_attribute a JOIN carried t ON t.oid = a.attrelid
      JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
      WHERE a.attnum > 0 AND NOT a.attisdropped AND (a.attstorage <> y.typstorage OR coalesce(a.attstattarget, -1) >= 0
        OR a.attoptions IS NOT NULL OR coalesce(to_jsonb(a) ->> 'attcompression', '') <> '')
      UNION ALL SELECT a.attrelid::regclass::text || '.' || a.attname FROM pg_catalog.pg_attribute a
      JOIN pg_catalog.pg_index i ON i.indexrelid = a.attrelid JOIN carried t ON t.oid = i.indrelid
      WHERE coalesce(a.attstattarget, -1) >= 0`,
  },
  {
    kind: 'cluster marks',
    sql: `SELECT i.indexrelid::regclass::text FROM pg_catalog.pg_index i JOIN carried t ON t.oid = i.indrelid WHERE i.indisclustered`,
  },
  {
    kind: 'tablespaces and access methods of tables and indexes',
    sql: `SELECT c.oid::regclass::text FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
      LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam
      WHERE (c.oid IN (SELECT oid FROM carried) OR i.indrelid IN (SELECT oid FROM carried))
        AND (c.reltablespace <> 0 OR (i.indexrelid IS NULL AND m.amname <> 'heap'))`,
  },
  {
    kind: 'comments',
    sql: `SELECT DISTINCT o.objoid::regclass::text FROM pg_catalog.pg_description o WHERE o.classoid = 'pg_catalog.pg_class'::regclass
        AND (o.objoid IN (SELECT oid FROM carried UNION ALL SELECT oid FROM numbered)
          OR o.objoid IN (SELECT i.indexrelid FROM pg_catalog.pg_index i JOIN carried t ON t.oid = i.indrelid))
      UNION SELECT k.conname || ' of ' || k.conrelid::regclass::text FROM pg_catalog.pg_description o
      JOIN pg_catalog.pg_constraint k ON k.oid = o.objoid AND k.conrelid IN (SELECT oid FROM carried)
      WHERE o.classoid = 'pg_catalog.pg_constraint'::regclass
      UNION SELECT s.nspname || '.' || y.typname FROM pg_catalog.pg_description o JOIN pg_catalog.pg_type y ON y.oid = o.objoid
      JOIN scope s ON s.oid = y.typnamespace
      WHERE o.classoid = 'pg_catalog.pg_type'::regclass AND ${own('pg_type', 'y.oid')}
      UNION SELECT 'schema ' || s.nspname FROM pg_catalog.pg_description o JOIN scope s ON s.oid = o.objoid
      WHERE o.classoid = 'pg_catalog.pg_namespace'::regclass AND NOT (s.nspname = 'public' AND o.description = 'standard public schema')`,
  },
  {
    kind: 'security labels',
    sql: `SELECT DISTINCT o.objoid::regclass::text FROM pg_catalog.pg_seclabel o JOIN carried t ON t.oid = o.objoid
      WHERE o.classoid = 'pg_catalog.pg_class'::regclass`,
  },
  {
    kind: 'owners of schemas, tables, sequences and types',
    sql: `SELECT pg_get_userbyid(o.owner) FROM (
        SELECT c.relowner AS owner FROM pg_catalog.pg_class c WHERE c.oid IN (SELECT oid FROM carried UNION ALL SELECT oid FROM numbered)
        UNION SELECT nspowner FROM scope WHERE nspname <> 'public'
        UNION SELECT y.typowner FROM pg_catalog.pg_type y JOIN scope s ON s.oid = y.typnamespace WHERE ${own('pg_type', 'y.oid')}) o
      WHERE pg_get_userbyid(o.owner) <> current_user`,
    bring: 'the roles: pg_dumpall --roles-only',
  },
  {
    kind: 'grants',
    sql: `${tables('c.relacl IS NOT NULL OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL)')}
      UNION ALL SELECT c.oid::regclass::text FROM pg_catalog.pg_class c JOIN numbered n ON n.oid = c.oid WHERE c.relacl IS NOT NULL
      UNION ALL SELECT s.nspname || '.' || y.typname FROM pg_catalog.pg_type y JOIN scope s ON s.oid = y.typnamespace
      WHERE y.typacl IS NOT NULL AND ${own('pg_type', 'y.oid')}
      UNION ALL SELECT 'schema ' || nspname FROM scope WHERE nspacl IS NOT NULL AND nspname <> 'public'`,
    bring: 'the roles: pg_dumpall --roles-only',
  },
  {
    kind: 'default privileges',
    sql: `SELECT 'of ' || pg_get_userbyid(o.defaclrole) FROM pg_catalog.pg_default_acl o`,
  },
  {
    kind: 'settings of the database and of roles in it',
    sql: `SELECT split_part(c, '=', 1) FROM pg_catalog.pg_db_role_setting o
      JOIN pg_catalog.pg_database d ON d.oid = o.setdatabase AND d.datname = current_database(), unnest(o.setconfig) c`,
    bring: 'pg_dump --create, or ALTER DATABASE … SET',
  },
  {
    kind: 'publications',
    sql: `SELECT o.pubname FROM pg_catalog.pg_publication o WHERE left(o.pubname, 5) <> 'weir_'`,
    bring: 'pg_dump without --no-publications, after the cut-over',
  },
  {
    kind: 'subscriptions',
    sql: `SELECT o.subname FROM pg_catalog.pg_subscription o JOIN pg_catalog.pg_database d ON d.oid = o.subdbid WHERE d.datname = current_database()`,
    bring: 'CREATE SUBSCRIPTION, after the cut-over',
  },
  {
    kind: 'foreign servers',
    sql: `SELECT o.srvname FROM pg_catalog.pg_foreign_server o WHERE ${own('pg_foreign_server', 'o.oid')}`,
  },
  {
    kind: 'extensions that no carried table needs',
    sql: `SELECT o.extname FROM pg_catalog.pg_extension o
      WHERE o.oid >= ${FIRST_USER_OID} AND o.extname NOT IN (SELECT name FROM brought)`,
  },
  {
    kind: 'tables that belong to an extension',
    sql: `SELECT s.nspname || '.' || c.relname FROM pg_catalog.pg_class c JOIN scope s ON s.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'f') AND NOT (${own('pg_class', 'c.oid')})`,
    bring: 'CREATE EXTENSION; rows put into them: pg_dump --data-only',
  },
  {
    kind: 'large objects',
    sql: `SELECT o.oid::text FROM pg_catalog.pg_largeobject_metadata o`,
    bring: "pg_dump --data-only --blobs --exclude-table='*', while nothing changes them",
  },
];
