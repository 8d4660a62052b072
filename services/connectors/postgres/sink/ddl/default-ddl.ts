import { quoteIdent } from '../../connection/names.ts';
import { sequenceSql, toSequenceStatement } from './sequence-ddl.ts';
import type {
  ColumnDefinition,
  PartitionDefinition,
  SequenceDefinition,
  TableDefinition,
} from '../../catalog/table-definition.ts';
import type { TargetNames } from '../target/target-names.ts';

/**
 * The statements for defaults that a table is made without, for when all tables are there: those that take numbers from a
 * sequence of another column, which comes with that column's table, and those that single partitions have for
 * themselves, which the root's would replace.
 */
export function toDefaultStatements(definition: TableDefinition, names: TargetNames): string[] {
  const { columns, sequences, partitions } = definition;
  const shared = columns.filter(({ name }) => isShared(name, sequences));
  return [
    ...toStatements(names.ofTable(definition).sql, shared, sequences),
    ...partitions.flatMap((each) => toPartitionDefaults(each, definition, names)),
  ];
}

export function toPartitionDefaults(
  partition: PartitionDefinition,
  root: Pick<TableDefinition, 'schema' | 'name'>,
  names: TargetNames,
): string[] {
  const { columns = [], sequences = [] } = partition;
  const defaulted = columns.filter(({ generated, identity }) => generated === null && identity === null); // prettier-ignore
  return toStatements(names.ofPartition(partition, root).sql, defaulted, sequences);
}

/** Whether the column's default takes numbers from a sequence of another column. */
export function isShared(column: string, sequences: readonly SequenceDefinition[]): boolean {
  return sequences.some((each) => each.kind === 'shared' && each.column === column);
}

/** Where the column that owns the sequence is not carried, the sequence is made by itself. */
function toStatements(
  table: string,
  columns: readonly ColumnDefinition[],
  sequences: readonly SequenceDefinition[],
): string[] {
  return columns.flatMap((column) => [
    ...sequences
      .filter((each) => each.kind === 'shared' && each.column === column.name)
      .map((each) => toSequenceStatement(each, sequenceSql(each))),
    `ALTER TABLE ${table} ALTER COLUMN ${quoteIdent(column.name)} ${column.default === null ? 'DROP DEFAULT' : `SET DEFAULT ${column.default}`}`,
  ]);
}
