import type { Relation } from '../../../shared/change/relation.ts';
import { isDocumentRelation } from '../../../shared/document/document-relation.ts';
import { wholeDocumentRelation } from '../../../shared/document/whole-document.ts';
import { documentLines } from './document-lines.ts';
import { JsonRows, type RowLines } from './row-text.ts';

/** How rows of the relation are written as lines of JSON. */
export function linesOf(relation: Relation): RowLines {
  return isDocumentRelation(relation) ? documentLines(relation) : new JsonRows(relation);
}

/** The relation that is written: of documents that of rows of two columns. */
export function writtenRelation(relation: Relation): Relation {
  return isDocumentRelation(relation) ? wholeDocumentRelation(relation) : relation;
}
