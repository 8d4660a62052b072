import type {
  PartitionDefinition,
  SequenceDefinition,
  TableDefinition,
} from './table-definition.ts';

/** Those of a table and of its partitions. */
export function allSequences({
  sequences,
  partitions,
}: Pick<TableDefinition, 'sequences' | 'partitions'>): SequenceDefinition[] {
  const ofPartition = ({ sequences: own = [] }: PartitionDefinition): SequenceDefinition[] => own;
  return [...sequences, ...partitions.flatMap(ofPartition)];
}
