import type { RelationPlan } from '../../../../shared/change/relation.ts';
import { madeDefinition } from './made-definition.ts';
import type { TableDefinition } from './table-definition.ts';

/** What a relation's table is made of; of one that no PostgreSQL has described, what its source says. */
export function definitionOf({ relation, definition, tableSchema }: RelationPlan): TableDefinition {
  if (definition !== null && definition !== undefined) return definition as TableDefinition;
  return madeDefinition(relation, tableSchema);
}
