import { isSameType } from '../../types/type-name.ts';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { toAddColumn } from './add-column.ts';
import { quoteIdent } from '../../connection/names.ts';
import type { TableDefinition } from '../../catalog/table-definition.ts';
import { findKeyIndex, type TargetTable } from './target-table.ts';
import type { TargetName } from './target-names.ts';

/**
 * What keeps a table of the target from holding a relation: a sentence for each difference, with the statement that
 * removes it. Columns that only the target has do no harm if they fill themselves.
 */
export function compareTable(
  relation: Relation,
  name: TargetName,
  table: TargetTable,
  definition: TableDefinition | null = null,
): string[] {
  if (table.kind !== 'r' && table.kind !== 'p')
    return [
      `${name.namespace} at the target is not a table; rename it or map the namespace elsewhere`,
    ];
  const problems = [
    ...compareColumns(relation, name, table, definition),
    ...refuseExtra(relation, name, table),
  ];
  const key = relation.key.map((i) => relation.columns[i]!.name);
  if (relation.identity === 'key' && findKeyIndex(table, key) === undefined)
    problems.push(
      `${name.namespace} at the target has no unique index on its key (${key.join(', ')}); run CREATE UNIQUE INDEX ON ${name.sql} (${key.map(quoteIdent).join(', ')})`,
    );
  return problems;
}

function compareColumns(
  relation: Relation,
  name: TargetName,
  table: TargetTable,
  definition: TableDefinition | null,
): string[] {
  return relation.columns.flatMap((column) => {
    const there = table.columns.find((each) => each.name === column.name);
    const quoted = quoteIdent(column.name);
    if (there === undefined) {
      const defined = definition?.columns.find((each) => each.name === column.name);
      const statements =
        defined === undefined
          ? [`ALTER TABLE ${name.sql} ADD COLUMN ${quoted} ${column.type}`]
          : toAddColumn(defined, name, true);
      return [
        `${name.namespace} at the target has no column ${quoted}; run ${statements.join('; ')}`,
      ];
    }
    if (!isSameType(column.type, there.type))
      return [
        `the column ${quoted} of ${name.namespace} is ${column.type} at the source and ${there.type} at the target; run ALTER TABLE ${name.sql} ALTER COLUMN ${quoted} TYPE ${column.type} (with the same USING, if it was changed with one)`,
      ];
    if (there.generated)
      return [
        `the column ${quoted} of ${name.namespace} is generated at the target but not at the source; run ALTER TABLE ${name.sql} ALTER COLUMN ${quoted} DROP EXPRESSION`,
      ];
    return [];
  });
}

function refuseExtra(relation: Relation, name: TargetName, table: TargetTable): string[] {
  const known = new Set(relation.columns.map((column) => column.name));
  return table.columns
    .filter((each) => !known.has(each.name) && each.notNull && !each.hasDefault && !each.generated)
    .map(
      (each) =>
        `the column ${quoteIdent(each.name)} of ${name.namespace} exists only at the target and must not be NULL; run ALTER TABLE ${name.sql} ALTER COLUMN ${quoteIdent(each.name)} DROP NOT NULL, or give it a default`,
    );
}
