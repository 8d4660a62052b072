import { describe, expect, it } from 'vitest';
import type { Relation } from '../../shared/change/relation.ts';
import { toTuple } from '../../shared/change/tuple.ts';
import { documentRelation, toDocumentRow } from '../../shared/document/document-relation.ts';
import { idOfDocument } from '../../shared/document/document-id.ts';
import { toDocument } from '../../shared/document/to-document.ts';
import { commonForm } from './common-form.ts';

function relationOf(columns: [string, string][]): Relation {
  return {
    namespace: 'public.t',
    columns: columns.map(([name, type]) => ({ name, type, encoding: 'text' })),
    key: [columns.findIndex(([name]) => name === 'id')],
    identity: 'key',
    order: 'key',
  };
}

const SOURCE = relationOf([
  ['id', 'integer'],
  ['amount', 'numeric(12,4)'],
  ['ratio', 'double precision'],
]);

describe('the common form of two ends', () => {
  it('is the rows as they are where both have the same columns', () => {
    const { fromSource, fromTarget, mapped } = commonForm(SOURCE, SOURCE);
    const row = toTuple(['1', '2.0000', '0.1']);
    expect([fromSource(row), fromTarget(row), mapped]).toEqual([row, row, new Map()]);
  });

  it('takes columns by their names, and those that only the target has are of no account', () => {
    const { fromTarget } = commonForm(
      SOURCE,
      relationOf([['note', 'text'], ['ratio', 'double precision'], ['id', 'integer'], ['amount', 'numeric(12,4)']]), // prettier-ignore
    );
    expect(fromTarget(toTuple(['x', '0.1', '1', null]))).toEqual(toTuple(['1', null, '0.1']));
  });

  it('is what the target’s types make of values, where they are others, which is told', () => {
    const target = relationOf([
      ['id', 'bigint'],
      ['amount', 'numeric(12,2)'],
      ['ratio', 'real'],
    ]);
    const { fromSource, mapped } = commonForm(SOURCE, target);
    expect([...mapped.values()].map((each) => each.split(' ')[0])).toEqual([
      'id',
      'amount',
      'ratio',
    ]);
    for (const [amount, rounded] of [
      ['2.0050', '2.01'],
      ['-2.0050', '-2.01'],
      ['2.0049', '2.00'],
      ['-0.0049', '0.00'],
    ])
      expect(fromSource(toTuple(['1', amount!, '0.1']))).toEqual(toTuple(['1', rounded!, '0.1']));
    // What cannot be there is a difference, whatever is there.
    const beyond = toTuple(['1', null, '1e+300']);
    expect(fromSource(beyond)).toEqual(beyond);
  });

  it('is the row that a document is, and none where it is not one', () => {
    const { fromTarget, relation } = commonForm(SOURCE, documentRelation('public.t'));
    const row = toTuple(['1', '2.0000', '0.1']);
    const stored = (document: Uint8Array): Buffer =>
      toDocumentRow(idOfDocument(document)!, document);
    expect(relation).toBe(SOURCE);
    expect(fromTarget(stored(toDocument(SOURCE, row)))).toEqual(row);
    const other = relationOf([
      ['id', 'integer'],
      ['amount', 'text'],
    ]);
    expect(fromTarget(stored(toDocument(other, toTuple(['1', 'much']))))).toBeNull();
  });
});
