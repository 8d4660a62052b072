import { expect, it } from 'vitest';
import { ACTIONS, conditionOf, transition, type Action, type Condition } from './condition.ts';

const ALL = { hasFile: true, mayRun: true, ownsFile: true, busy: null };

it.each<[Condition, Action[]]>([
  ['created', ['start', 'reset', 'verify', 'delete']],
  ['running', ['pause', 'stop', 'verify']],
  ['paused', ['start', 'resume', 'stop', 'reset', 'verify']],
  ['stopped', ['start', 'resume', 'stop', 'reset', 'verify']],
  ['ended', ['start', 'reset', 'verify', 'delete']],
])('what is %s can be asked for %j and nothing else', (condition, allowed) => {
  const found = ACTIONS.filter((action) => 'to' in transition({ ...ALL, condition }, action));
  expect(found).toEqual(allowed);
});

it('every refusal says why', () => {
  for (const condition of ['created', 'running', 'paused', 'stopped', 'ended'] as const)
    for (const action of ACTIONS) {
      const step = transition({ ...ALL, condition, hasFile: false, mayRun: false }, action);
      if ('refused' in step) expect(step.refused.length).toBeGreaterThan(10);
    }
});

it('without the file, only what its services can do themselves is possible', () => {
  const facts = { hasFile: false, mayRun: true, ownsFile: false, busy: null };
  const possible = (condition: Condition) =>
    ACTIONS.filter((action) => 'to' in transition({ ...facts, condition }, action));
  expect(possible('created')).toEqual([]);
  expect(possible('running')).toEqual(['pause', 'stop']);
  expect(possible('paused')).toEqual(['start', 'resume', 'stop', 'reset']);
});

it('whoever may not run services cannot start what stands, and can resume what waits', () => {
  const facts = { ...ALL, mayRun: false };
  expect(transition({ ...facts, condition: 'ended' }, 'start')).toHaveProperty('refused');
  expect(transition({ ...facts, condition: 'stopped' }, 'start')).toEqual({ to: 'running' });
});

it('one thing at a time, but a comparison beside anything', () => {
  const facts = { ...ALL, busy: 'stop' as const, condition: 'running' as const };
  expect(transition(facts, 'pause')).toEqual({ refused: 'stop is under way' });
  expect(transition(facts, 'verify')).toEqual({ to: 'running' });
});

it('a pipeline is what its working reader says, and nothing where nobody is heard', () => {
  const common = { pipeline: 'p', pid: 1, atMs: 0, problem: null };
  const reader = (phase: 'paused' | 'streaming', readerEpoch: number) => ({
    ...common, service: 'source-reader' as const, id: phase, phase, readerEpoch,
    copy: {}, read: {}, lagMs: null, retention: null,
  }); // prettier-ignore
  expect(conditionOf([])).toBeNull();
  expect(conditionOf([reader('paused', 0)])).toBe('paused');
  expect(conditionOf([reader('paused', 0), reader('streaming', 3)])).toBe('running');
});
