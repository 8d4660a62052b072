import type { ClientBase } from 'pg';
import { readRowsOf } from '../../catalog/table-rows.ts';
import type { TargetName } from './target-names.ts';

/** A table as the target's catalog has it, as far as writing to it and comparing it needs. */
export interface TargetTable {
  oid: number;
  /** `pg_class.relkind`: r table, p partitioned table, and whatever else stands in the way of one. */
  kind: string;
  columns: TargetColumn[];
  /** `mayLoseRows`. */
  losesRows: boolean;
  /** Valid unique and exclusion indexes. */
  indexes: UniqueIndex[];
  /** INSERT … ON CONFLICT is possible: a rule for UPDATE rules it out, even one that is disabled. */
  merges: boolean;
}

export interface TargetColumn {
  name: string;
  type: string;
  /**
   * The type without length or precision, which a value is cast to on its way into the column: a cast to the column's own
   * would cut off what is too long, and the column refuses it.
   */
  cast: string;
  notNull: boolean;
  hasDefault: boolean;
  /** GENERATED ALWAYS AS IDENTITY: takes a value in an INSERT, with OVERRIDING, but never in an UPDATE. */
  insertOnly: boolean;
  generated: boolean;
}

export interface UniqueIndex {
  name: string;
  /** Its key columns in order; null for an expression. */
  columns: (string | null)[];
  /** Qualified equality operator of each key column, e.g. `OPERATOR(pg_catalog.=)`. */
  equals: string[];
  exclusion: boolean;
  partial: boolean;
  /** Checked row by row: one that is deferrable cannot be the arbiter of ON CONFLICT. */
  immediate: boolean;
}

/** SQL: whether the target itself may take rows of a table away: a foreign key that cascades, any trigger or rule. */
export function mayLoseRows(oid: string): string {
  return `(EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = ${oid} AND k.contype = 'f' AND k.confdeltype = 'c')
    OR EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal AND t.tgenabled <> 'D')
    OR EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_type <> '1' AND r.ev_enabled <> 'D'
      AND r.ev_class IN (SELECT w.oid FROM pg_catalog.pg_class w WHERE w.relkind IN ('r', 'p'))))`;
}

const READ_TABLE = `
SELECT c.oid::int8::text AS oid, c.relkind AS kind, ${mayLoseRows('c.oid')} AS "losesRows",
  NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type IN ('2', '3')) AS merges,
  COALESCE((SELECT json_agg(json_build_object(
      'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'cast', format_type(a.atttypid, -1), 'notNull', a.attnotnull,
      'hasDefault', (a.atthasdef AND a.attgenerated = '') OR a.attidentity <> '',
      'insertOnly', a.attidentity = 'a',
      'generated', a.attgenerated <> '') ORDER BY a.attnum)
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
  COALESCE((SELECT json_agg(json_build_object(
      'name', x.relname, 'exclusion', i.indisexclusion, 'partial', i.indpred IS NOT NULL,
      'immediate', i.indimmediate,
      'columns', (SELECT json_agg(a.attname ORDER BY k.at)
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, at)
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum AND k.attnum > 0
        WHERE k.at <= i.indnkeyatts),
      'equals', (SELECT json_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY k.at)
        FROM unnest(i.indclass::oid[]) WITH ORDINALITY k(class, at)
        JOIN pg_opclass p ON p.oid = k.class
        JOIN pg_amop m ON m.amopfamily = p.opcfamily AND m.amopstrategy = 3
          AND m.amoplefttype = p.opcintype AND m.amoprighttype = p.opcintype
        JOIN pg_operator o ON o.oid = m.amopopr
        JOIN pg_namespace n ON n.oid = o.oprnamespace
        WHERE NOT i.indisexclusion)) ORDER BY NOT i.indisprimary, x.relname)
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    WHERE i.indrelid = c.oid AND i.indisvalid AND (i.indisunique OR i.indisexclusion)), '[]') AS indexes
FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE s.nspname = $1 AND c.relname = $2`;

interface Row extends Omit<TargetTable, 'oid' | 'indexes'> {
  oid: string;
  indexes: (Omit<UniqueIndex, 'equals'> & { equals: string[] | null })[];
}

/** Null where the target has nothing of that name. */
export async function readTargetTable(
  client: ClientBase,
  target: TargetName,
): Promise<TargetTable | null> {
  const { rows } = await client.query<Row>(READ_TABLE, [target.schema, target.name]);
  const row = rows[0];
  if (row === undefined) return null;
  return {
    ...row,
    oid: Number(row.oid),
    indexes: row.indexes.map((index) => ({ ...index, equals: index.equals ?? [] })),
  };
}

export async function holdsRows(client: ClientBase, target: TargetName): Promise<boolean> {
  const [from] = await readRowsOf(client, [target.sql]);
  const { rows } = await client.query<{ holds: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM ${from}) AS holds`,
  );
  return rows[0]?.holds === true;
}

/** The index that tells rows apart by exactly these columns, usable for ON CONFLICT first. */
export function findKeyIndex(table: TargetTable, key: readonly string[]): UniqueIndex | undefined {
  const fitting = table.indexes.filter(
    (index) =>
      !index.exclusion &&
      !index.partial &&
      index.columns.length === key.length &&
      index.columns.every((column) => column !== null && key.includes(column)),
  );
  return fitting.find((index) => index.immediate) ?? fitting[0];
}
