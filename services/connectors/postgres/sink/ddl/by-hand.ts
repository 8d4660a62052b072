import type pg from 'pg';
import { hash32 } from '../../../../../shared/codec/xxhash.ts';
import type { RelationPlan } from '../../../../../shared/change/relation.ts';
import type { StructureChange } from '../../../../../shared/change/barrier.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { isSameType } from '../../types/type-name.ts';
import { renderChange } from './render-change.ts';
import type { SchemaChange } from '../../../../../shared/schema/schema-diff.ts';
import { definitionOf } from '../../catalog/definition-of.ts';
import { quoteIdent, quoteLiteral } from '../../connection/names.ts';
import type { ChangeDetail } from '../../catalog/structure-changes.ts';
import { readTableDetails, type CatalogColumn } from '../../catalog/table-catalog.ts';
import type { ColumnDefinition, TypeDefinition } from '../../catalog/table-definition.ts';
import { rowsOf } from '../../catalog/table-rows.ts';
import type { TargetName } from '../target/target-names.ts';
import type { TargetTable } from '../target/target-table.ts';
import { readTypeCatalog } from '../../catalog/type-catalog.ts';

/** A table of the target with its types, as far as it can be seen whether a person has made a change there. */
export interface TableAtTarget {
  columns: readonly CatalogColumn[];
  types: readonly TypeDefinition[];
  /** As `TargetTable`. */
  kind: string;
  /** Tables that it inherits from, as SQL names them. */
  parents: readonly string[];
  /** Of a column that one of those has: the topmost, for which it must be altered. */
  inherited: ReadonlyMap<string, string>;
  /** Statements that others need before it can be dropped: its children, and those that use its sequences. */
  frees: readonly string[];
}

function nameOf(schema: string, name: string): string {
  return `'"' || replace(${schema}, '"', '""') || '"."' || replace(${name}, '"', '""') || '"'`;
}

const FREES = `
SELECT 'ALTER TABLE ' || ${nameOf('n.nspname', 'c.relname')} || ' NO INHERIT ' || $2 AS sql
FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND NOT c.relispartition
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE i.inhparent = $1::oid
UNION
SELECT 'ALTER SEQUENCE ' || ${nameOf('n.nspname', 'c.relname')} || ' OWNED BY NONE'
FROM pg_catalog.pg_depend own JOIN pg_catalog.pg_class c ON c.oid = own.objid AND c.relkind = 'S'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_depend used ON used.refobjid = c.oid AND used.classid = 'pg_catalog.pg_attrdef'::regclass
JOIN pg_catalog.pg_attrdef f ON f.oid = used.objid AND f.adrelid <> $1::oid
WHERE own.classid = 'pg_catalog.pg_class'::regclass AND own.refobjid = $1::oid AND own.deptype = 'a' ORDER BY 1`;

const ABOVE = `
WITH RECURSIVE above(oid, level) AS (
  SELECT i.inhparent, 1 FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND NOT c.relispartition
  WHERE i.inhrelid = $1::oid
  UNION ALL
  SELECT i.inhparent, above.level + 1 FROM above JOIN pg_catalog.pg_inherits i ON i.inhrelid = above.oid
)
SELECT ${nameOf('n.nspname', 'c.relname')} AS sql, min(above.level)::int AS level,
  ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
FROM above JOIN pg_catalog.pg_class c ON c.oid = above.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
GROUP BY c.oid, n.nspname, c.relname ORDER BY max(above.level)`;

export async function readTableAtTarget(
  client: pg.Client,
  { oid, kind }: TargetTable,
  name: TargetName,
): Promise<TableAtTarget> {
  const columns = (await readTableDetails(client, [oid])).get(oid)?.columns ?? [];
  const oids = columns.map(({ typeOid }) => typeOid);
  const types = (await readTypeCatalog(client, oids)).definitions(oids);
  const { rows } = await client.query<{ sql: string; level: number; columns: string[] }>(ABOVE, [oid]); // prettier-ignore
  const parents = rows.filter(({ level }) => level === 1).map(({ sql }) => sql);
  const inherited = new Map(
    rows.flatMap((above) => above.columns.map((each) => [each, above.sql])),
  );
  const frees = (await client.query<{ sql: string }>(FREES, [oid, name.sql])).rows;
  return { columns, types, kind, parents, inherited, frees: frees.map(({ sql }) => sql) };
}

/** What a person has still to do at the target. */
export interface ByHand {
  says: string[];
  statements: string[];
  /** None of the catalog's business: values differ, or the target cannot show what was done. */
  unseen: boolean;
  /** Values of these columns differ. */
  values: string[];
  /** So does the table itself, which must be made anew. */
  remade: boolean;
  /** What empties it, or takes it away where it must be made anew. */
  anew: { empty: string; remake: string };
}

/** Of changes that cannot be followed, those that the target does not show; pure. */
export function leftByHand(
  changes: readonly StructureChange[],
  after: RelationPlan,
  there: TableAtTarget,
  name: TargetName,
): ByHand {
  const left: ByHand = {
    says: [],
    statements: [],
    unseen: false,
    values: [],
    remade: false,
    anew: toAnew(there, name),
  };
  // What a transformer makes of the columns is not for this to tell.
  const isMade = after.relation.origin !== undefined;
  const { columns, types, parents = [] } = definitionOf(after);
  const wanted = (column: string): ColumnDefinition | undefined =>
    columns.find((each) => each.name === column);
  const has = (column: string): CatalogColumn | undefined =>
    there.columns.find((each) => each.name === column);
  const alter = `ALTER TABLE ${name.sql}`;
  // A column that a parent has there is altered for both; where the source has no parent any more, it is freed first.
  let isFreed = false;
  const tableFor = (column: string): TargetName => {
    const above = there.inherited.get(column);
    if (above === undefined) return name;
    if (parents.length > 0) return { ...name, sql: above };
    isFreed = true;
    return name;
  };
  const alterFor = (column: string): string => `ALTER TABLE ${tableFor(column).sql}`;
  const render = (change: SchemaChange, of = name): string[] =>
    renderChange(change, of, { columnOf: ({ name: column }) => wanted(column)!, filled: true })
      .statements;
  const add = ({ says }: StructureChange, statements: string[], isSeen = true): void => {
    left.says.push(says);
    left.statements.push(...statements);
    if (!isSeen) left.unseen = true;
  };
  for (const change of changes) {
    const detail = change.detail as ChangeDetail;
    if (isMade) {
      add(change, [], false);
      continue;
    }
    switch (detail.kind) {
      case 'renamed': {
        const { column: from, to } = detail;
        const isReused = wanted(from) !== undefined;
        if (!isReused && has(to) !== undefined && has(from) === undefined) break;
        add(change, isReused ? [] : render({ kind: 'columnRenamed', from, to }, tableFor(from)), !isReused); // prettier-ignore
        if (isReused) left.values.push(to);
        if (isReused) left.remade = true;
        break;
      }
      case 'dropped':
        if (has(detail.column) !== undefined)
          add(change, toDropped(alterFor(detail.column), alter, quoteIdent(detail.column)));
        break;
      case 'retyped': {
        const type = wanted(detail.column)?.type ?? '';
        if (isSameType(has(detail.column)?.type ?? '', type)) break;
        const using = detail.rewritten ? ' USING …' : '';
        add(change, [`${alterFor(detail.column)} ALTER COLUMN ${quoteIdent(detail.column)} TYPE ${type}${using}`]); // prettier-ignore
        break;
      }
      case 'values':
        add(change, [], false);
        left.values.push(detail.column);
        break;
      case 'generated': {
        const column = wanted(detail.column);
        const now = has(detail.column);
        if (column === undefined || (now?.generated ?? null) === column.generated) break;
        if (detail.isNew && now !== undefined && now.generated !== null) break;
        add(change, toGenerated(alterFor(column.name), column, now !== undefined));
        if (now !== undefined) left.unseen = true;
        break;
      }
      case 'nullable':
        if (has(detail.column)?.notNull === true)
          add(change, render({ kind: 'nullability', column: detail.column, nullable: true }));
        break;
      case 'collation': {
        const column = wanted(detail.column);
        if (column === undefined || has(detail.column)?.collation === column.collation) break;
        const collate = column.collation === null ? '' : ` COLLATE ${column.collation}`;
        add(change, [`${alterFor(detail.column)} ALTER COLUMN ${quoteIdent(detail.column)} TYPE ${column.type}${collate}`]); // prettier-ignore
        left.unseen = true;
        break;
      }
      case 'keyless':
        add(change, [], false);
        break;
      case 'unfollowed':
        add(change, [], false);
        left.values.push(...columns.map(({ name: each }) => each));
        left.remade = true;
        break;
      case 'type': {
        const type = types.find((each) => each.schema === detail.schema && each.name === detail.name); // prettier-ignore
        const now = there.types.find((each) => each.name === detail.name);
        if (detail.isTold && type !== undefined && now?.create === type.create) break;
        const whole = type === undefined ? [] : [`(it is now: ${type.create})`];
        add(change, detail.statements.length > 0 ? detail.statements : whole, detail.isTold);
        break;
      }
    }
  }
  if (isFreed)
    left.statements.unshift(...there.parents.map((parent) => `${alter} NO INHERIT ${parent}`));
  return left;
}

function toAnew({ kind, frees }: TableAtTarget, { sql }: TargetName): ByHand['anew'] {
  return {
    empty: `TRUNCATE ${rowsOf(sql, kind)}`,
    remake: [...frees, `DROP TABLE ${sql}`].join('; '),
  };
}

/** What a table has from a parent goes with the parent's, unless it was the table's own as well. */
function toDropped(above: string, alter: string, column: string): string[] {
  if (above === alter) return [`${alter} DROP COLUMN ${column}`];
  return [above, alter].map((each) => `${each} DROP COLUMN IF EXISTS ${column}`);
}

function toGenerated(alter: string, column: ColumnDefinition, isThere: boolean): string[] {
  const quoted = quoteIdent(column.name);
  const kind = column.generatedKind === 'virtual' ? 'VIRTUAL' : 'STORED';
  const drop = isThere ? [`${alter} DROP COLUMN ${quoted}`] : [];
  return [
    ...drop,
    `${alter} ADD COLUMN ${quoted} ${column.type} GENERATED ALWAYS AS (${column.generated}) ${kind}`,
  ];
}

/** What a person says who has seen to the changes: put into the namespace's definition, it lets them pass. */
export function acceptance(changes: readonly StructureChange[]): string {
  return hash32(Buffer.from(JSON.stringify(changes)))
    .toString(16)
    .padStart(8, '0');
}

export function changedByHand(
  left: ByHand,
  changes: readonly StructureChange[],
  pipeline: string,
  { relation }: RelationPlan,
  name: TargetName,
): WeirError {
  const here = `pipeline = ${quoteLiteral(pipeline).trim()} AND namespace = ${quoteLiteral(relation.namespace).trim()}`;
  const run =
    left.statements.length > 0 ? ` Run at the target: ${left.statements.join('; ')}.` : '';
  const accept = `UPDATE weir.namespace SET definition = jsonb_set(definition, '{accepted}', '"${acceptance(changes)}"') WHERE ${here}`;
  const anew =
    left.values.length > 0
      ? ` What older rows have by now in ${left.values.map(quoteIdent).join(', ')} is in no log. To copy the table anew, run at the target: ${left.remade ? left.anew.remake : left.anew.empty}; DELETE FROM weir.namespace WHERE ${here}.`
      : '';
  const using = left.statements.some((each) => each.endsWith(' USING …'))
    ? ' Rows that are older than the change have at the source what its USING made of them: use the same expression here, or leave it out if there was none.'
    : '';
  const seen = left.unseen
    ? left.values.length > 0
      ? ` Or make the values the same yourself, and say so: ${accept}.`
      : ` Weir cannot see at the target that this is done, so say so: ${accept}.`
    : '';
  return new WeirError(
    'SCHEMA_CHANGED',
    `the structure of ${name.namespace} changed at the source: ${left.says.join('; ')}.${run}${using}${anew}${seen} Then start the pipeline again`,
  );
}
