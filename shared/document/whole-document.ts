import type { Column, Relation } from '../change/relation.ts';
import { Refusal } from '../row/canonical/refusal.ts';
import { readElements } from './bson-reader.ts';
import { bsonTypeName } from './bson-writer.ts';
import { DocumentError } from './document-error.ts';
import { readFields } from './document-id.ts';
import { toExtendedJson } from './extended-json.ts';

/** What keeps documents as rows of two columns has both in canonical Extended JSON, so that no value is rounded. */
export const WHOLE_DOCUMENT: readonly [Column, Column] = [
  { name: '_id', type: 'jsonb', encoding: 'text' },
  { name: 'document', type: 'jsonb', encoding: 'text' },
];

/** The relation of such rows, of one of documents. */
export function wholeDocumentRelation(relation: Relation): Relation {
  const [id, document] = WHOLE_DOCUMENT;
  return { ...relation, columns: [{ ...id }, { ...document }], key: [0] };
}

/** Whether rows of the relation are whole documents as text, by the names and types of its columns. */
export function isWholeDocumentRelation({ columns }: Pick<Relation, 'columns'>): boolean {
  return (
    columns.length === 2 &&
    WHOLE_DOCUMENT.every(({ name, type }, i) => {
      return columns[i]!.name === name && columns[i]!.type === type;
    })
  );
}

/**
 * The two columns of a document: its `_id` and all of it. Throws `DocumentError`, which names the field, where Extended JSON
 * has no form for a value.
 */
export function wholeDocumentTexts(relation: Relation, document: Uint8Array): [string, string] {
  const bytes = Buffer.from(document.buffer, document.byteOffset, document.byteLength);
  const elements = [...readElements(bytes)];
  const texts = elements.map((element) => {
    try {
      return toExtendedJson({ ...element, bytes });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { name, type } = element;
      throw new DocumentError(
        'value',
        relation,
        name,
        `the field ${name} of a document has a value (${bsonTypeName(type)}) that Extended JSON cannot say: ${error.reason}; change it`,
      );
    }
  });
  const fields = elements.map(({ name }, i) => `${JSON.stringify(name)}:${texts[i]}`);
  return [
    texts[elements.findIndex(({ name }) => name === '_id')] ?? 'null',
    `{${fields.join(',')}}`,
  ];
}

/** The value of `_id` alone, of an id (`document-id.ts`); of one of several parts a document of them. */
export function idText(relation: Relation, id: Uint8Array): string {
  const [plain, whole] = wholeDocumentTexts(relation, id);
  const names = readFields(id).map(({ name }) => name);
  return names.join() === '_id' ? plain : whole;
}
