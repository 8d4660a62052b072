import type { Finding } from '../../../../shared/connector/finding.ts';
import { formatNamespace, qualifiedName } from '../connection/names.ts';
import type { LeftOut } from './table-definition.ts';

/**
 * A partition whose rows the log does not have, though those of the partitions beside it are followed. Its rows are left
 * out as those of a table of its kind are, and are not compared either; at the target it is an empty partition.
 */
export interface LeftOutPartition {
  schema: string;
  name: string;
  leftOut?: LeftOut;
}

/** Of one whose `leftOut` is not null. */
export function leftOutReason(partition: LeftOutPartition): string {
  const namespace = formatNamespace(partition.schema, partition.name);
  return partition.leftOut === 'foreign'
    ? `The partition ${namespace} is a foreign table, and its rows are left out: they are on another server; copy them from there.`
    : `The partition ${namespace} is unlogged, and its rows are left out, because their changes are not in the log; to include them: ${setLogged(partition)}, and where the pipeline exists already, run \`weir reset\` and copy again.`;
}

export function leftOutFinding(table: string, partition: LeftOutPartition): Finding {
  return { level: 'warning', subject: table, message: leftOutReason(partition) };
}

/** What happened where the target has its rows, or lacks them, and `partition` says otherwise. */
export function leftOutChange(partition: LeftOutPartition): string {
  const namespace = formatNamespace(partition.schema, partition.name);
  switch (partition.leftOut ?? null) {
    case 'unlogged':
      return `The partition ${namespace} has become unlogged at the source, so changes of its rows made since are not in the log, and the target does not have them; run ${setLogged(partition)} there, then \`weir reset\` and copy again`;
    case 'foreign':
      return `The partition ${namespace} is another table at the source now, a foreign one, whose rows are on another server; run \`weir reset\` and copy again`;
    case null:
      return `The partition ${namespace} is logged by now and its changes come, but its rows were left out before; run \`weir reset\` and copy again`;
  }
}

function setLogged({ schema, name }: LeftOutPartition): string {
  return `ALTER TABLE ${qualifiedName(schema, name)} SET LOGGED`;
}
