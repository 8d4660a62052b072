import { expect, it } from 'vitest';
import type { Relation } from '../../shared/change/relation.ts';
import type { SinkCapabilities, SourceCapabilities } from '../../shared/connector/connector.ts';
import { promisesFor } from './promises.ts';

const keyed: Relation = {
  namespace: 'public.keyed',
  columns: [],
  key: [0],
  identity: 'key',
  order: 'key',
};

const TARGET: SinkCapabilities = {
  state: 'transaction',
  ddl: 'transactional',
  rows: 'kept',
  readsBack: true,
};
const LOG: SourceCapabilities = { snapshot: 'exported', positions: 'log' };
const CHECKPOINT: SourceCapabilities = { snapshot: 'none', positions: 'checkpoint' };
const APART: SinkCapabilities = { ...TARGET, state: 'apart' };
const COUNTED: SinkCapabilities = { ...TARGET, rows: 'counted' };

it('a pair with keys everywhere holds every promise', () => {
  const spec = { mode: 'snapshot+changes', order: 'key', onBadRow: 'stop' } as const;
  expect(promisesFor(spec, [keyed], TARGET, LOG).map((p) => p.holds)).toEqual([
    'yes',
    'yes',
    'yes',
    'yes',
    'yes',
  ]);
});

it('the exception of a namespace without a key is named', () => {
  const log: Relation = { ...keyed, namespace: 'public.log', key: [], identity: 'none' };
  const heap: Relation = { ...keyed, namespace: 'public.heap', key: [], identity: 'row' };
  const promises = promisesFor(
    { mode: 'changes', order: 'key', onBadRow: 'stop' },
    [keyed, log, heap],
    TARGET,
    LOG,
  );
  const partly = promises.filter((promise) => promise.holds === 'partly');
  expect(partly.map(({ promise }) => promise)).toEqual([
    'every change followed',
    'rows told apart',
  ]);
  expect(partly[0]?.why).toContain('public.log');
  expect(partly[1]?.why).toContain('public.heap');
});

it('a mere copy promises nothing of changes', () => {
  expect(
    promisesFor({ mode: 'snapshot', order: 'key', onBadRow: 'stop' }, [keyed], TARGET, LOG),
  ).toHaveLength(3);
});

it('a target that only counts keeps nothing, and the check says so', () => {
  const spec = { mode: 'snapshot+changes', order: 'key', onBadRow: 'stop' } as const;
  const [lost, twice] = promisesFor(spec, [keyed], COUNTED, LOG);
  expect(lost).toMatchObject({ promise: 'nothing lost', holds: 'no' });
  expect(twice).toMatchObject({ promise: 'nothing twice', holds: 'yes' });
});

it('a source without lasting positions, and a target that keeps its progress apart, are said to give and write twice', () => {
  const spec = { mode: 'snapshot+changes', order: 'key', onBadRow: 'stop' } as const;
  const twice = (
    target: Parameters<typeof promisesFor>[2],
    source: Parameters<typeof promisesFor>[3],
    mode: 'snapshot+changes' | 'snapshot' = 'snapshot+changes',
  ) => promisesFor({ ...spec, mode }, [keyed], target, source)[1];
  expect(twice(TARGET, CHECKPOINT)).toMatchObject({ holds: 'partly' });
  expect(twice(TARGET, CHECKPOINT)?.why).toMatch(/cursor come again.*ends equal/);
  expect(twice(APART, LOG)?.why).toMatch(/without its progress/);
  expect(twice({ ...TARGET, state: 'listed' }, LOG)).toMatchObject({ holds: 'yes' });
  expect(twice({ ...TARGET, state: 'listed' }, LOG)?.why).toMatch(/counts once it is listed/);
  expect(twice(COUNTED, CHECKPOINT)?.why).toMatch(/counted again/);
  expect(twice(TARGET, CHECKPOINT, 'snapshot')).toMatchObject({ holds: 'yes' });
});

it('what becomes of a refused row is said', () => {
  const why = (onBadRow: 'stop' | 'park') =>
    promisesFor({ mode: 'snapshot', order: 'key', onBadRow }, [keyed], TARGET, LOG).find(
      (p) => p.promise === 'no row dropped silently',
    )?.why;
  expect(why('stop')).toMatch(/stops at a row/);
  expect(why('park')).toMatch(/put aside.*everything else flows/);
});
