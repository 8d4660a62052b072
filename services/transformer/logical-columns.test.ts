import { expect, it } from 'vitest';
import type { Relation } from '../../shared/change/relation.ts';
import { compileChain } from './chain.ts';
import { ChainMismatch } from './chain-mismatch.ts';
import { readTransforms } from './read-transforms.ts';
import { createRow } from './row.ts';

/** As a store would give it whose names of types say nothing to others. */
const orders: Relation = {
  namespace: 'shop.orders',
  columns: [
    {
      ...{ name: 'id', type: 'int unsigned', encoding: 'text' },
      logical: { kind: 'integer', bits: 32, signed: false },
    },
    {
      ...{ name: 'count', type: 'mediumint', encoding: 'text' },
      logical: { kind: 'integer', bits: 24, signed: true },
    },
    {
      ...{ name: 'note', type: 'longtext', encoding: 'text' },
      logical: { kind: 'string', length: null, fixed: false, comparison: 'folded' },
    },
    { name: 'tags', type: 'text[]', encoding: 'text' },
  ],
  key: [0],
  identity: 'key',
  order: 'key',
};

function chainOf(...steps: unknown[]) {
  return compileChain(readTransforms(steps).steps, orders, { env: {} })!;
}

it('steps see what a column holds, whatever its store calls the type', async () => {
  const chain = chainOf(
    { set: { twice: { cel: 'row.count * 2', type: 'bigint' }, same: { cel: 'row.id' } } },
    { truncate: { note: 3 } },
    { rename: { count: 'number' } },
  );
  const row = createRow(
    'copy',
    ['7', '21', 'a long note', '{a}'].map((text) => Buffer.from(text)),
  );
  await chain.run([row]);
  expect(row.failure).toBeNull();
  expect(row.values.map(String)).toEqual(['7', '21', 'a l', '{a}', '42', '7']);
  const { columns } = chain.relation;
  expect(columns.map(({ name, type, logical }) => [name, type, logical?.kind])).toEqual([
    ['id', 'int unsigned', 'integer'],
    ['number', 'mediumint', 'integer'],
    ['note', 'longtext', 'string'],
    ['tags', 'text[]', undefined],
    ['twice', 'bigint', undefined],
    ['same', 'int unsigned', 'integer'],
  ]);
});

it('a type that a step gives is the only one that a field has', () => {
  const [id, count] = chainOf({ cast: { id: 'bigint', count: 'text' } }).relation.columns;
  expect(id).toEqual({ name: 'id', type: 'bigint', encoding: 'text' });
  expect(count).toEqual({ name: 'count', type: 'text', encoding: 'text' });
});

it('a key becomes no integer that cannot hold all of them', () => {
  expect(() => chainOf({ cast: { id: 'integer' } })).toThrow(ChainMismatch);
});

it('the text of an array is not cut', () => {
  expect(() => chainOf({ truncate: { tags: 3 } })).toThrow(/tags .* is text\[\] and no text/);
});
