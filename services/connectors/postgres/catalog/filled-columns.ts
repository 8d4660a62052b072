import type { FilledColumn } from '../../../../shared/change/barrier.ts';
import type { RelationPlan } from '../../../../shared/change/relation.ts';
import type { ColumnDefinition, TableDefinition } from './table-definition.ts';

/** What older rows have in the columns that `after` has and `before` has not. */
export function filledColumns(
  before: Pick<RelationPlan, 'relation'>,
  after: Pick<RelationPlan, 'relation'> & { definition: TableDefinition | null },
): FilledColumn[] {
  const known = new Set(before.relation.columns.map(({ name }) => name));
  const added = after.relation.columns.filter(({ name }) => !known.has(name));
  return added.flatMap(({ name }): FilledColumn[] => {
    const column = after.definition?.columns.find((each) => each.name === name);
    if (column === undefined || column.generated !== null) return [];
    if (hasUnknownValues(column)) return [{ column: name, value: null }];
    return column.missing === null ? [] : [{ column: name, value: column.missing }];
  });
}

/**
 * A column that came with an identity or a volatile default made the source rewrite its rows with values that are in
 * no log. Where the source has not looked whether it did, a default that may be one is taken for one.
 */
export function hasUnknownValues(column: ColumnDefinition): boolean {
  const { identity, missing, default: text, unknown } = column;
  if (identity !== null) return true;
  return unknown ?? (missing === null && text !== null && text.includes('('));
}
