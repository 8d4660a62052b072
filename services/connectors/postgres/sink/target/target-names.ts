import { formatNamespace, parseNamespace, qualifiedName } from '../../connection/names.ts';
import type { TableDefinition } from '../../catalog/table-definition.ts';

/** A table at the target: its name in parts, as a namespace, and as SQL. */
export interface TargetName {
  schema: string;
  name: string;
  namespace: string;
  sql: string;
}

type DefinedName = Pick<TableDefinition, 'schema' | 'name'>;

/** Which table of the target holds which namespace of the source. */
export interface TargetNames {
  ofNamespace(namespace: string): TargetName;
  /** Without a schema its name is the whole namespace. */
  ofTable(table: DefinedName): TargetName;
  /** A partition follows its root into another schema and keeps its own name, unless it is mapped itself. */
  ofPartition(partition: DefinedName, root: DefinedName): TargetName;
}

export function createTargetNames(map: Readonly<Record<string, string>>): TargetNames {
  const ofNamespace = (namespace: string): TargetName => {
    const { schema, table } = parseNamespace(map[namespace] ?? namespace);
    return toTargetName(schema, table);
  };
  const ofTable = ({ schema, name }: DefinedName): TargetName =>
    ofNamespace(schema === '' ? name : formatNamespace(schema, name));
  return {
    ofNamespace,
    ofTable,
    ofPartition(partition, root) {
      if (map[formatNamespace(partition.schema, partition.name)] !== undefined)
        return ofTable(partition);
      const moves = partition.schema === root.schema;
      return toTargetName(moves ? ofTable(root).schema : partition.schema, partition.name);
    },
  };
}

export function toTargetName(schema: string, name: string): TargetName {
  return {
    schema,
    name,
    namespace: formatNamespace(schema, name),
    sql: qualifiedName(schema, name),
  };
}
