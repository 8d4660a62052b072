import { expect, it } from 'vitest';
import type { Relation } from '../../change/relation.ts';
import { toTuple } from '../../change/tuple.ts';
import type { Unit } from './change-unit.ts';
import { foldChain } from './fold-units.ts';

const relation = (identity: Relation['identity']): Relation => ({
  namespace: 'public.t',
  columns: [],
  key: [0],
  identity,
  order: 'key',
});
const upsert = (...values: string[]): Unit => ({ kind: 'upsert', bytes: toTuple(values) });
const update = (...values: (string | undefined)[]): Unit => ({
  kind: 'update',
  bytes: toTuple(values),
});
const gone: Unit = { kind: 'delete', bytes: toTuple(['1']).subarray(2) };

it('a chain comes to its last whole row with what was changed since', () => {
  const units = [upsert('1', 'a', 'x'), gone, upsert('1', 'b', 'y'), update('1', 'c', undefined)];
  expect(foldChain(relation('key'), units)).toEqual([upsert('1', 'c', 'y')]);
});

it('a chain without a whole row stays one with unchanged columns', () => {
  const units = [update('1', undefined, 'x'), update('1', 'b', undefined)];
  expect(foldChain(relation('key'), units)).toEqual([upsert('1', 'b', 'x')]);
  expect(foldChain(relation('key'), [update('1', undefined, 'x')])[0]?.kind).toBe('update');
});

it('a row that is deleted at last is deleted', () => {
  expect(foldChain(relation('key'), [upsert('1', 'a'), gone])).toEqual([gone]);
});

it('equal rows that come and go cancel each other', () => {
  const come = upsert('1');
  const go: Unit = { ...come, kind: 'delete' };
  expect(foldChain(relation('row'), [come, go])).toEqual([]);
  expect(foldChain(relation('row'), [come, come, go])).toEqual([come]);
  expect(foldChain(relation('row'), [go, go])).toEqual([go, go]);
});
