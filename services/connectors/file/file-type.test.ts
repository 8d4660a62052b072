import { expect, it } from 'vitest';
import type { Relation } from '../../../shared/change/relation.ts';
import { fileTypeFindings } from './file-type.ts';
import { toRelation, toSchema } from './schema-file.ts';

const relation: Relation = {
  namespace: 'shop.t',
  columns: [
    {
      ...{ name: 'id', type: 'int unsigned', encoding: 'text' },
      logical: { kind: 'integer', bits: 32, signed: false },
    },
    {
      ...{ name: 'at', type: 'datetime(3)', encoding: 'text' },
      logical: { kind: 'timestamp', precision: 3, zone: false },
    },
    { name: 'mood', type: 'public.mood', encoding: 'text' },
  ],
  key: [0],
  identity: 'key',
  order: 'key',
};

it('a schema file names types as all stores do, and those of its own kind of store as they came', () => {
  const schema = toSchema(relation);
  expect(schema).toEqual({
    columns: [
      { name: 'id', type: 'bigint' },
      { name: 'at', type: 'timestamp(3) without time zone' },
      { name: 'mood', type: 'public.mood' },
    ],
    key: ['id'],
  });
  expect(toRelation('shop.t', schema).columns.map(({ logical }) => logical)).toEqual([
    ...[undefined, undefined, undefined],
  ]);
});

it('what a schema file says less of is told', () => {
  expect(fileTypeFindings(relation)).toEqual([
    {
      ...{ level: 'ok', subject: 'shop.t.id' },
      message: 'integer unsigned becomes bigint: there is no integer of exactly this range',
    },
  ]);
});
