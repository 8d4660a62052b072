import { toGeneratedClause } from './column-ddl.ts';
import { quoteIdent } from '../../connection/names.ts';
import { sequenceOptions, toOwnedByStatements, toSequenceStatements } from './sequence-ddl.ts';
import type {
  ColumnDefinition,
  PartitionDefinition,
  TableDefinition,
} from '../../catalog/table-definition.ts';
import type { TargetNames } from '../target/target-names.ts';

type Root = Pick<TableDefinition, 'schema' | 'name'>;

/** The statements that make a partition, in order; its own defaults come after those of its root (`default-ddl.ts`). */
export function toPartitionStatements(
  partition: PartitionDefinition,
  root: Root,
  names: TargetNames,
  serverVersion: number,
): string[] {
  const { parent, columns = [], sequences = [] } = partition;
  const isRoot = parent.schema === root.schema && parent.name === root.name;
  const above = isRoot ? names.ofTable(root) : names.ofPartition(parent, root);
  const name = names.ofPartition(partition, root);
  const below = partition.partitionBy === null ? '' : ` PARTITION BY ${partition.partitionBy}`;
  const lines = columns.flatMap((column) => toOwnLine(column, serverVersion));
  const own = lines.length === 0 ? '' : ` (${lines.join(', ')})`;
  return [
    ...toSequenceStatements(sequences),
    `CREATE TABLE ${name.sql} PARTITION OF ${above.sql}${own} ${partition.bound}${below}`,
    ...toOwnedByStatements(sequences, name),
    ...sequences
      .filter(({ kind }) => kind === 'identity')
      .map((sequence) => {
        const column = columns.find((each) => each.name === sequence.column);
        const kind = (column?.identity ?? 'by default').toUpperCase();
        return `ALTER TABLE ${name.sql} ALTER COLUMN ${quoteIdent(sequence.column)} ADD GENERATED ${kind} AS IDENTITY (${sequenceOptions(sequence)})`;
      }),
  ];
}

/** What is said of a column as the partition is made; nothing where only its default is another one. */
function toOwnLine(column: ColumnDefinition, serverVersion: number): string[] {
  const parts = [
    ...(column.generated === null ? [] : [toGeneratedClause(column, serverVersion)]),
    ...(column.notNull ? ['NOT NULL'] : []),
  ];
  return parts.length === 0 ? [] : [`${quoteIdent(column.name)} ${parts.join(' ')}`];
}
