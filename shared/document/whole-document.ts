import { BSON } from 'bson';
import type { Column, Relation } from '../change/relation.ts';

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

const EXACT = { promoteValues: false, promoteLongs: false, bsonRegExp: true } as const;

export function readExactly(document: Uint8Array): Record<string, unknown> {
  return BSON.deserialize(document, EXACT);
}

export function toExtendedJson(value: unknown): string {
  return BSON.EJSON.stringify(value, { relaxed: false });
}

export function fromExtendedJson(text: string): Uint8Array {
  return BSON.serialize(BSON.EJSON.parse(text, { relaxed: false }) as Record<string, unknown>);
}
