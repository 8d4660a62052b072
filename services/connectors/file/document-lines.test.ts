import { BSON, Double, Int32, ObjectId } from 'bson';
import { expect, it } from 'vitest';
import { idOfDocument, toDocumentId } from '../../../shared/document/document-id.ts';
import {
  documentRelation,
  toDocumentKey,
  toDocumentRow,
} from '../../../shared/document/document-relation.ts';
import { encodePatch } from '../../../shared/document/patch.ts';
import { linesOf, writtenRelation } from './lines-of.ts';

const relation = documentRelation('a.t');
const lines = linesOf(relation);
const document = {
  _id: new ObjectId('65f0c0ffee00112233445566'),
  one: new Double(1),
  text: 'a\nb',
};
const bytes = BSON.serialize(document);
const id = idOfDocument(bytes)!;

it('documents are written as rows of _id and document with the types of BSON, one line each', () => {
  const line = `{${lines.row(toDocumentRow(id, bytes))}}`;
  expect(line).not.toContain('\n');
  expect(JSON.parse(line)).toEqual({
    _id: { $oid: '65f0c0ffee00112233445566' },
    document: {
      _id: { $oid: '65f0c0ffee00112233445566' },
      one: { $numberDouble: '1.0' },
      text: 'a\nb',
    },
  });
  expect(lines.key(toDocumentKey(id))).toBe('"_id":{"$oid":"65f0c0ffee00112233445566"}');
  expect(writtenRelation(relation).columns.map(({ name }) => name)).toEqual(['_id', 'document']);
});

it('an id of several parts is a document of them, and a partial update says what it sets and removes', () => {
  const parts = toDocumentId(
    [...'ab'].map((name) => ({ name, type: 0x10, data: Buffer.from([1, 0, 0, 0]) })),
  );
  expect(lines.key(toDocumentKey(parts))).toBe(
    '"_id":{"a":{"$numberInt":"1"},"b":{"$numberInt":"1"}}',
  );
  const patch = encodePatch(BSON.serialize({ 'x.y': new Int32(2) }), ['z']);
  expect(
    lines.partial(toDocumentRow(id, patch)).map((each) => JSON.parse(`{${each}}`) as unknown),
  ).toEqual([
    {
      _op: 'patch',
      _id: { $oid: '65f0c0ffee00112233445566' },
      set: { 'x.y': { $numberInt: '2' } },
      unset: ['z'],
    },
  ]);
});
