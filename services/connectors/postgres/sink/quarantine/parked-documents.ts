import type { ClientBase } from 'pg';
import {
  fromDocumentRow,
  isDocumentRelation,
} from '../../../../../shared/document/document-relation.ts';
import type { DocumentWriter } from '../documents/document-writer.ts';
import { nameOf } from '../../../../../shared/state/quarantine/change-unit.ts';
import type { PageEntry } from '../../../../../shared/state/quarantine/parked-page.ts';
import { documentsAt, patchedBy } from '../documents/whole-documents.ts';

/**
 * For the entries of a page in their order: what an entry of parked documents is as one of rows of its table as that is
 * now, or why it still does not fit. A partial update of a whole document is done to what the entry before it leaves, or
 * else to what the target has.
 */
export function parkedDocuments(
  client: ClientBase,
  documents: DocumentWriter,
): (entry: PageEntry) => Promise<PageEntry> {
  /** Of each chain the document that the last entry of the page has left. */
  const left = new Map<string, Uint8Array>();
  return async (entry) => {
    const { relation, kind, key, tuple } = entry;
    // What steps failed for is no document of theirs yet.
    if (!isDocumentRelation(relation) || kind === 'move' || entry.source !== null) return entry;
    const rows = await documents.rowsOf(client, relation);
    const written = { ...entry, relation: rows.relation };
    const chain = nameOf(entry.chain!);
    if (rows.isWhole && kind === 'update') {
      const name = documents.nameOf(relation);
      const before =
        left.get(chain) ?? (await documentsAt(client, name, rows, [tuple!])).get(tuple!);
      // Without any there is no row that the update could change.
      const document = patchedBy(tuple!, before ?? fromDocumentRow(tuple!).id);
      left.set(chain, document);
      return { ...written, tuple: rows.ofDocument(document) };
    }
    const fit = rows.fit(relation, { kind, bytes: kind === 'delete' ? key! : tuple! });
    if (kind === 'delete') left.delete(chain);
    else left.set(chain, fromDocumentRow(tuple!).document);
    if (!Buffer.isBuffer(fit)) return { ...written, problem: fit.error };
    return kind === 'delete' ? { ...written, key: fit } : { ...written, tuple: fit };
  };
}
