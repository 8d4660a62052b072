import { partTarget } from '../../../shared/change/namespace-part.ts';
import type { RelationPlan } from '../../../shared/change/relation.ts';
import { isTableName, parseNamespace, quoteIdent, type TableName } from './names.ts';
import type { TableDefinition } from './table-definition.ts';

/** What a relation's table is made of; of one that no PostgreSQL has described, what its columns and key say. */
export function definitionOf({ relation, definition }: RelationPlan): TableDefinition {
  if (definition !== null && definition !== undefined) return definition as TableDefinition;
  const part = partTarget(relation.namespace);
  const { schema, table } = sourceName(part ?? relation.namespace);
  const key = relation.key.map((column) => quoteIdent(relation.columns[column]!.name));
  return {
    // What a transformer divides, and what other stores have, need not be named as a table is (`TargetNames.ofTable`).
    ...(part === null && schema !== ''
      ? { schema, name: table }
      : { schema: '', name: relation.namespace }),
    columns: relation.columns.map(({ name, type }, column) => ({
      name,
      type,
      notNull: relation.key.includes(column),
      default: null,
      missing: null,
      identity: null,
      generated: null,
      generatedKind: null,
      collation: null,
    })),
    constraints:
      key.length === 0
        ? []
        : [
            {
              name: `${table}_pkey`,
              kind: 'primary',
              definition: `PRIMARY KEY (${key.join(', ')})`,
              references: null,
            },
          ],
    indexes: [],
    types: [],
    sequences: [],
    partitionBy: null,
    partitions: [],
  };
}

function sourceName(namespace: string): TableName {
  return isTableName(namespace) ? parseNamespace(namespace) : { schema: '', table: namespace };
}
