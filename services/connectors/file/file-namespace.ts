import type { Relation } from '../../../shared/change/relation.ts';
import { listNamespaces, type NamespaceFiles } from './folder-listing.ts';
import { schemaOf } from './infer-schema.ts';
import { toRelation } from './schema-file.ts';
import type { FileSettings } from './settings.ts';

/** A namespace: its files, and what rows they hold. */
export interface FileNamespace {
  files: NamespaceFiles;
  relation: Relation;
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
      return { files, relation: toRelation(files.namespace, schema) };
    }),
  );
}
