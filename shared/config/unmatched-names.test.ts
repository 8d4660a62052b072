import { expect, it } from 'vitest';
import { requirePatternsMatch, unmatchedNames } from './unmatched-names.ts';

const NAMES = ['public.orders', 'public.items'];

it('names in map and in transforms that the pipeline does not have are told one by one', () => {
  const map = { 'public.orders': 'a.b', 'public.order': 'a.c', 'public.part_1': 'a.part_1' };
  const step = { kind: 'filter', settings: null };
  const transforms = [
    { ...step, on: undefined },
    { ...step, on: ['public.*', 'shop.*'] },
  ];
  expect(unmatchedNames({ map, transforms }, NAMES, ['public.part_1'])).toEqual([
    { subject: 'map', message: expect.stringMatching(/^renames public\.order,/) as string },
    { subject: 'transforms[1].on', message: expect.stringMatching(/^has shop\.\*/) as string },
  ]);
});

it('a glob of source.namespaces that matches nothing is refused, where others match', () => {
  expect(() => requirePatternsMatch(['public.o*', 'public.x*'], NAMES)).toThrow(/public\.x\*/);
  expect(() => requirePatternsMatch(['public.o*'], NAMES)).not.toThrow();
  // Where nothing matches at all, the source says what there is.
  expect(() => requirePatternsMatch(['x'], NAMES)).not.toThrow();
});
