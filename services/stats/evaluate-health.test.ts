import { expect, it } from 'vitest';
import type { PipelineStateName } from '../../shared/progress/pipeline-report.ts';
import { type HealthFacts, evaluateHealth } from './evaluate-health.ts';

const FINE: HealthFacts = {
  watchedMs: 90_000,
  phase: 'streaming',
  writers: 2,
  problem: null,
  difference: null,
  copy: null,
  inFlight: 0,
  lagMs: 20,
  slowest: { lane: 1, owner: 'a1', owesMs: 0, stoodMs: 500 },
  stoodMs: 500,
  quietMs: 500,
};
const slow = (owesMs: number, stoodMs: number, owner: string | null = 'a1') => ({
  slowest: { lane: 1, owner, owesMs, stoodMs },
});
const difference = { namespace: 'public.a', kind: 'inserts', read: 5, settled: 4 } as const;
const copy = { chunksTotal: 10, chunksDone: 3, namespacesLeft: 2 };

it.each<[PipelineStateName, Partial<HealthFacts>, RegExp]>([
  ['following', {}, /as they are made/],
  ['following', { inFlight: 40 }, /as they are made/],
  ['idle', { quietMs: 10_000, stoodMs: 60_000 }, /does not change/],
  // A lag measured long ago and nothing on its way: it has caught up.
  ['idle', { quietMs: 10_000, lagMs: 8_000 }, /./],
  ['behind', { inFlight: 9_000, lagMs: 12_000 }, /12 s late, 9000 are in flight; lane 1/],
  ['behind', { inFlight: 9_000, lagMs: null, ...slow(6_000, 100) }, /6 s late/],
  ['behind', { inFlight: 9_000, lagMs: 40_000, stoodMs: 29_000, ...slow(40_000, 29_000) }, /40 s/],
  ['stuck', { inFlight: 3, stoodMs: 30_000 }, /3 changes wait.*30 s.*locks/],
  ['stuck', { inFlight: 3, stoodMs: 30_000, writers: 0 }, /no target-writer is connected/],
  ['stuck', { stoodMs: 31_000, problem: 'the source is away' }, /the source is away/],
  ['stuck', { inFlight: 3, ...slow(30_000, 30_000) }, /lane 1 .*while others go on.*writer a1/],
  ['stuck', { inFlight: 3, ...slow(30_000, 30_000, null) }, /no writer works on it/],
  // Lanes stood still one after the other, when the last writer had gone.
  [
    'stuck',
    { inFlight: 3, writers: 0, stoodMs: 28_000, ...slow(30_000, 30_000, null) },
    /no target-writer is connected/,
  ],
  ['unbalanced', { difference }, /public.a: 5 inserts were read and 4/],
  ['unbalanced', { difference, stoodMs: 60_000, inFlight: 1 }, /weir verify/],
  ['copying', { phase: 'snapshotting', copy }, /3 of 10 chunks/],
  ['copying', { phase: 'snapshotting', copy: null, stoodMs: 60_000 }, /plan/],
  // Changes wait for the gate while a namespace is copied; that is no reason to worry.
  ['copying', { phase: 'snapshotting', copy, inFlight: 9, ...slow(60_000, 60_000) }, /chunks/],
  ['stuck', { phase: 'snapshotting', copy, stoodMs: 30_000 }, /7 chunks wait.*locks/],
  ['stuck', { phase: 'snapshotting', copy, stoodMs: 30_000, writers: 0 }, /no target-writer/],
  [
    'copying',
    { phase: 'snapshotting', copy: { ...copy, chunksDone: 10 }, stoodMs: 90_000 },
    /2 namespaces get their indexes/,
  ],
  ['starting', { phase: 'starting' }, /are connecting/],
  ['starting', { phase: 'starting', problem: 'NATS is away', stoodMs: 5_000 }, /NATS is away/],
  ['paused', { phase: 'paused', stoodMs: 90_000 }, /weir resume/],
  ['stopped', { phase: 'stopped', stoodMs: 90_000 }, /weir resume/],
  ['finished', { phase: 'finished', stoodMs: 90_000 }, /copied/],
  ['failed', { phase: 'failed', problem: 'slot is gone' }, /slot is gone/],
  ['down', { phase: null, writers: 1 }, /no source-reader/],
  // Who has only just begun to listen cannot know who is there.
  ['starting', { phase: null, watchedMs: 9_000 }, /yet/],
])('is %s with %o', (state, facts, reason) => {
  const verdict = evaluateHealth({ ...FINE, ...facts });
  expect(verdict.state).toBe(state);
  expect(verdict.reason).toMatch(reason);
});
