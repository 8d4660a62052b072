import { fromDocumentRow, toDocumentRow } from './document-relation.ts';
import { applyPatch, mergePatches } from './patch.ts';

/** A partial row of a document that comes after another row of the same document; whole if that one was. New bytes. */
export function foldDocumentRows(
  later: Buffer,
  earlier: Buffer,
  earlierIsPartial: boolean,
): Buffer {
  const { id, document: patch } = fromDocumentRow(later);
  const { document } = fromDocumentRow(earlier);
  return toDocumentRow(
    id,
    earlierIsPartial ? mergePatches(document, patch) : applyPatch(document, patch),
  );
}
