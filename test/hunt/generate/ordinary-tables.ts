import type { Draft, TableDraft } from './draft.ts';

/** Those of the pipeline whose names a file can name as they are. */
export function ordinaryTables({ tables, pipeline: { namespaces } }: Draft): TableDraft[] {
  const isCarried = (table: TableDraft): boolean =>
    namespaces === undefined || namespaces.includes('*') || namespaces.includes(nameOf(table));
  return tables.filter(
    (table) => /^\w+$/.test(table.schema) && /^\w+$/.test(table.name) && isCarried(table),
  );
}

export function nameOf({ schema, name }: TableDraft): string {
  return `${schema}.${name}`;
}
