import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { withNulls } from '../../../shared/change/tuple.ts';
import type { StoreWriter } from '../../../shared/connector/store.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { formatDataFileName } from './data-file.ts';
import { encodeNamespace } from './folder-listing.ts';
import { appendManifest } from './manifest.ts';
import { readSchemaFile, toRelation } from './schema-file.ts';
import type { FileSettings } from './settings.ts';
import { OWN_FIELDS } from './sink-check.ts';
import { writeChanges } from './written-changes.ts';

/**
 * Each write becomes a file of changes, which counts from when the manifest lists it: what is sent again is there twice
 * and comes to the same. Namespaces are the folders with a schema file, since documents do not say what a column is.
 */
export function createFileWriter({ folder, gzip }: FileSettings): StoreWriter {
  return {
    async relationOf(namespace) {
      const schema = await readSchemaFile(path.join(folder, encodeNamespace(namespace)));
      if (schema === null) return null;
      const taken = schema.columns.find(({ name }) => OWN_FIELDS.includes(name));
      if (taken !== undefined)
        throw new WeirError(
          'TARGET_UNFIT',
          `${namespace} has a column ${taken.name}, which is what files of changes call something else; rename it`,
        );
      return toRelation(namespace, schema);
    },

    fillAbsent: (_relation, rows) => Promise.resolve(rows.map(withNulls)),

    async write(changes) {
      const { namespace } = changes.relation;
      const stem = `changes-${Date.now()}-${randomBytes(8).toString('hex')}`;
      const file = `${encodeNamespace(namespace)}/${formatDataFileName(stem, 'jsonl', gzip)}`;
      const rows = await writeChanges(path.join(folder, file), changes, gzip);
      await appendManifest(folder, [{ kind: 'changes', namespace, file, rows }]);
    },

    count: () => Promise.resolve(),
  };
}
