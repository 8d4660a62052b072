import type { Relation } from '../../../shared/change/relation.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { tableSchemaOf } from './schema-details.ts';
import { listNamespaces, type NamespaceFiles } from './folder-listing.ts';
import { schemaOf } from './infer-schema.ts';
import { toRelation } from './schema-file.ts';
import type { FileSettings } from './settings.ts';

/** A namespace: its files, and what rows they hold. */
export interface FileNamespace {
  files: NamespaceFiles;
  relation: Relation;
  /** Where a schema file says more than columns and key. */
  tableSchema?: TableSchema;
}

export async function listRelations(
  settings: FileSettings,
  isWanted: (namespace: string) => boolean = () => true,
): Promise<FileNamespace[]> {
  const listed = (await listNamespaces(settings.folder)).filter(({ namespace }) =>
    isWanted(namespace),
  );
  return Promise.all(
    listed.map(async (files) => {
      const schema = await schemaOf(files, settings);
      const tableSchema = tableSchemaOf(files.namespace, schema);
      const relation = toRelation(files.namespace, schema);
      return { files, relation, ...(tableSchema !== undefined && { tableSchema }) };
    }),
  );
}
