import type { Relation } from '../../../shared/change/relation.ts';
import { fromDocumentKey, fromDocumentRow } from '../../../shared/document/document-relation.ts';
import { patchSteps } from '../../../shared/document/patch.ts';
import { idText, wholeDocumentTexts } from '../../../shared/document/whole-document.ts';
import type { RowLines } from './row-text.ts';

/** Documents as rows of two columns in canonical Extended JSON (`whole-document.ts`). */
export function documentLines(relation: Relation): RowLines {
  const idField = (id: Buffer): string => `"_id":${idText(relation, id)}`;
  return {
    row(tuple) {
      const { id, document } = fromDocumentRow(tuple);
      return `${idField(id)},"document":${wholeDocumentTexts(relation, document)[1]}`;
    },
    key: (key) => idField(fromDocumentKey(key)),
    partial(tuple) {
      const { id, document: patch } = fromDocumentRow(tuple);
      return patchSteps(patch).map(({ set, unset }) => {
        const fields = wholeDocumentTexts(relation, set)[1];
        return `"_op":"patch",${idField(id)},"set":${fields},"unset":${JSON.stringify(unset)}`;
      });
    },
  };
}
