import { describe, expect, it } from 'vitest';
import { TypeCatalog, type TypeRow } from './type-catalog.ts';

function type(oid: number, name: string, more: Partial<TypeRow> = {}): TypeRow {
  return {
    ...{ oid, name, schema: oid < 10_000 ? 'pg_catalog' : 'public', kind: 'b' },
    ...{ element: null, base: null, subtype: null, hasSend: true, extension: null },
    ...{ labels: null, domain: null, attributes: null, range: null },
    ...more,
  };
}

const types = new TypeCatalog([
  type(23, 'int4'),
  type(1007, '_int4', { element: 23 }),
  type(1700, 'numeric'),
  type(2205, 'regclass'),
  type(2210, '_regclass', { element: 2205 }),
  type(1033, 'aclitem', { hasSend: false }),
  type(3904, 'int4range', { kind: 'r', subtype: 23 }),
  type(4451, 'int4multirange', { kind: 'm', subtype: 3904 }),
  type(20_000, 'mood', { kind: 'e', labels: ['a', "b'"] }),
  type(20_001, '_mood', { element: 20_000 }),
  type(20_002, 'positive', {
    kind: 'd',
    base: 23,
    domain: { base: 'integer', notNull: true, default: null, collation: null, checks: null },
  }),
  type(20_003, 'moods', { kind: 'd', base: 20_001 }),
  type(20_004, 'pair', {
    kind: 'c',
    attributes: [
      { name: 'a', type: 20_000, sqlType: 'public.mood', collation: null },
      { name: 'b', type: 20_002, sqlType: 'public.positive', collation: null },
    ],
  }),
  type(20_005, 'citext', { extension: 'citext' }),
  type(20_006, 'other', { extension: 'other' }),
  type(20_007, 'span', {
    kind: 'r',
    subtype: 23,
    range: {
      ...{ subtype: 'integer', opclass: null, collation: null, canonical: null, difference: null },
      multirange: 'public.spans',
    },
  }),
  type(20_008, 'spans', { kind: 'm', subtype: 20_007 }),
  type(20_009, 'mood_spans', { kind: 'r', subtype: 20_001 }),
]);

describe('TypeCatalog', () => {
  it.each([
    ...[23, 1007, 1700, 3904, 4451, 20_000, 20_002, 20_005, 20_007, 20_008].map(
      (oid) => [oid, true] as const,
    ),
    ...[2205, 2210, 1033, 20_001, 20_003, 20_004, 20_006, 20_009, 99].map(
      (oid) => [oid, false] as const,
    ),
  ])('knows that type %i is safe in binary: %s', (oid, safe) => {
    expect(types.isBinarySafe(oid)).toBe(safe);
  });

  it('knows for which types equal means equal bytes', () => {
    expect([23, 20_000, 20_002].every((oid) => types.isEqualByBytes(oid))).toBe(true);
    expect([1700, 1007, 20_004, 20_005].some((oid) => types.isEqualByBytes(oid))).toBe(false);
  });

  it('lists the user’s types, each after what it needs', () => {
    expect(types.definitions([20_004, 20_005]).map((t) => t.create)).toEqual([
      `CREATE TYPE "public"."mood" AS ENUM ('a', 'b''')`,
      'CREATE DOMAIN "public"."positive" AS integer NOT NULL',
      'CREATE TYPE "public"."pair" AS ("a" public.mood, "b" public.positive)',
    ]);
    expect(types.definitions([20_008]).map((t) => t.create)).toEqual([
      'CREATE TYPE "public"."span" AS RANGE (SUBTYPE = integer, MULTIRANGE_TYPE_NAME = public.spans)',
    ]);
  });
});
