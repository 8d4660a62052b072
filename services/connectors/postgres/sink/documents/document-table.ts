import type { Relation } from '../../../../../shared/change/relation.ts';
import { isDocumentRelation } from '../../../../../shared/document/document-relation.ts';
import {
  WHOLE_DOCUMENT,
  wholeDocumentRelation,
} from '../../../../../shared/document/whole-document.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import type { TargetName } from '../target/target-names.ts';
import type { TargetTable, UniqueIndex } from '../target/target-table.ts';

/**
 * What a relation is at the target: itself, or of documents the rows of text that they become. Where there is a table,
 * fields go to its columns by name, and its primary key, or else a unique index, tells them apart. Where there is none
 * yet, or one made for it, a row has the `_id` and the whole document.
 */
export function writtenRelation(
  relation: Relation,
  name: TargetName,
  table: TargetTable | null,
): Relation {
  if (!isDocumentRelation(relation)) return relation;
  if (table === null || isDocumentTable(table)) return wholeDocumentRelation(relation);
  const columns = table.columns.filter(({ generated }) => !generated);
  const key = table.indexes.find((index) => tellsApart(index, table));
  if (key === undefined)
    throw new WeirError(
      'TARGET_UNFIT',
      `${name.namespace} at the target has no primary key and no unique index on columns that are NOT NULL, by which documents could be told apart; run ALTER TABLE ${name.sql} ADD PRIMARY KEY (…)`,
    );
  return {
    ...relation,
    columns: columns.map(({ name: column, type }) => ({ name: column, type, encoding: 'text' })),
    key: key.columns.map((column) => columns.findIndex((each) => each.name === column)),
  };
}

function isDocumentTable({ columns }: TargetTable): boolean {
  return WHOLE_DOCUMENT.every((wanted) =>
    columns.some(({ name, type }) => name === wanted.name && type === wanted.type),
  );
}

function tellsApart({ columns, exclusion, partial }: UniqueIndex, table: TargetTable): boolean {
  if (exclusion || partial) return false;
  return columns.every((name) => {
    const column = table.columns.find((each) => each.name === name);
    return column !== undefined && column.notNull && !column.generated;
  });
}
