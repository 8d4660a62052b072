import { formatNamespace, parseNamespace, qualifiedName } from '../../connection/names.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import type { TableDefinition } from '../../catalog/table-definition.ts';

const MAX_NAME_BYTES = 63;

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

/** Throws CONFIG_INVALID for a name that the server would cut: two that begin alike would be one table. */
export function toTargetName(schema: string, name: string): TargetName {
  for (const part of [schema, name])
    if (Buffer.byteLength(part) > MAX_NAME_BYTES)
      throw new WeirError(
        'CONFIG_INVALID',
        `the name ${part} at the target has ${Buffer.byteLength(part)} bytes, and PostgreSQL cuts names at ${MAX_NAME_BYTES}; give the table a shorter one with "map"`,
      );
  return {
    schema,
    name,
    namespace: formatNamespace(schema, name),
    sql: qualifiedName(schema, name),
  };
}
