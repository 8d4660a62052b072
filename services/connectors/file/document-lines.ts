import { type IdPart, readFields, toDocumentId } from '../../../shared/document/document-id.ts';
import { fromDocumentKey, fromDocumentRow } from '../../../shared/document/document-relation.ts';
import { decodePatch } from '../../../shared/document/patch.ts';
import { readExactly, toExtendedJson } from '../../../shared/document/whole-document.ts';
import type { RowLines } from './row-text.ts';

/** Documents as rows of two columns in canonical Extended JSON (`whole-document.ts`). */
export const DOCUMENT_LINES: RowLines = {
  row(tuple) {
    const { id, document } = fromDocumentRow(tuple);
    return `${idField(id)},"document":${toExtendedJson(readExactly(document))}`;
  },
  key: (key) => idField(fromDocumentKey(key)),
  partial(tuple) {
    const { id, document: patch } = fromDocumentRow(tuple);
    return decodePatch(patch).map(
      ({ set, unset }) =>
        `"_op":"patch",${idField(id)},"set":${toExtendedJson(set)},"unset":${JSON.stringify(unset)}`,
    );
  },
};

/** An id that is not `_id` alone is a document of its parts. */
function idField(id: Buffer): string {
  const parts: IdPart[] = readFields(id);
  const [first] = parts;
  const isPlain = parts.length === 1 && first!.name === '_id';
  const fields = readExactly(isPlain ? toDocumentId(parts) : id);
  return `"_id":${toExtendedJson(isPlain ? fields['_id'] : fields)}`;
}
