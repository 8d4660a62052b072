import type pg from 'pg';
import { hash32 } from '../../../shared/codec/xxhash.ts';
import type { RelationPlan } from '../../../shared/change/relation.ts';
import type { StructureChange } from '../../../shared/connector/source.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { isSameType } from './compare-table.ts';
import { renderChange } from './render-change.ts';
import type { SchemaChange } from '../../../shared/schema/schema-diff.ts';
import { definitionOf } from './definition-of.ts';
import { quoteIdent, quoteLiteral } from './names.ts';
import type { ChangeDetail } from './structure-changes.ts';
import { readTableDetails, type CatalogColumn } from './table-catalog.ts';
import type { ColumnDefinition, TypeDefinition } from './table-definition.ts';
import type { TargetName } from './target-names.ts';
import { readTypeCatalog } from './type-catalog.ts';

/** A table of the target with its types, as far as it can be seen whether a person has made a change there. */
export interface TableAtTarget {
  columns: readonly CatalogColumn[];
  types: readonly TypeDefinition[];
}

export async function readTableAtTarget(client: pg.Client, oid: number): Promise<TableAtTarget> {
  const columns = (await readTableDetails(client, [oid])).get(oid)?.columns ?? [];
  const oids = columns.map(({ typeOid }) => typeOid);
  return { columns, types: (await readTypeCatalog(client, oids)).definitions(oids) };
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
}

/** Of changes that cannot be followed, those that the target does not show; pure. */
export function leftByHand(
  changes: readonly StructureChange[],
  after: RelationPlan,
  there: TableAtTarget,
  name: TargetName,
): ByHand {
  const left: ByHand = { says: [], statements: [], unseen: false, values: [], remade: false };
  // What a transformer makes of the columns is not for this to tell.
  const isMade = after.relation.origin !== undefined;
  const { columns, types } = definitionOf(after);
  const wanted = (column: string): ColumnDefinition | undefined =>
    columns.find((each) => each.name === column);
  const has = (column: string): CatalogColumn | undefined =>
    there.columns.find((each) => each.name === column);
  const alter = `ALTER TABLE ${name.sql}`;
  const render = (change: SchemaChange): string[] =>
    renderChange(change, name, { columnOf: ({ name: column }) => wanted(column)!, filled: true })
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
        add(change, isReused ? [] : render({ kind: 'columnRenamed', from, to }), !isReused);
        if (isReused) left.values.push(to);
        if (isReused) left.remade = true;
        break;
      }
      case 'dropped':
        if (has(detail.column) !== undefined)
          add(change, render({ kind: 'columnDropped', column: { name: detail.column } }));
        break;
      case 'retyped': {
        const type = wanted(detail.column)?.type ?? '';
        if (isSameType(has(detail.column)?.type ?? '', type)) break;
        const using = detail.rewritten ? ' USING …' : '';
        add(change, [`${alter} ALTER COLUMN ${quoteIdent(detail.column)} TYPE ${type}${using}`]);
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
        add(change, toGenerated(alter, column, now !== undefined));
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
        add(change, [`${alter} ALTER COLUMN ${quoteIdent(detail.column)} TYPE ${column.type}${collate}`]); // prettier-ignore
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
  return left;
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
      ? ` What older rows have by now in ${left.values.map(quoteIdent).join(', ')} is in no log. To copy the table anew, run at the target: ${left.remade ? 'DROP TABLE' : 'TRUNCATE'} ${name.sql}; DELETE FROM weir.namespace WHERE ${here}.`
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
