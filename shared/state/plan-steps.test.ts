import { expect, it } from 'vitest';
import { toPosition } from '../change/position.ts';
import type { NamespacePlan, PipelinePlan } from '../connector/plan.ts';
import type { Chunk } from '../connector/chunk.ts';
import { type Known, savePlan } from './plan-steps.ts';
import type { LaneRecord, PipelineRecord } from './records.ts';
import { STATE_VERSION } from './state-version.ts';

const start = toPosition(5n, 0n);

const chunk = (id: number): Chunk => ({
  id,
  namespace: 'a.b',
  cursor: null,
  how: 'load',
  dataType: 'x',
  estimatedBytes: 1,
});

function planOf(more: Partial<NamespacePlan> = {}, from = start, lanes = 2): PipelinePlan {
  const relation = {
    namespace: 'a.b',
    columns: [],
    key: [],
    identity: 'none' as const,
    order: 'key' as const,
  };
  const namespace: NamespacePlan = {
    relation,
    definition: null,
    start: from,
    settled: from,
    state: 'new',
    chunks: [chunk(1), chunk(2)],
    chunksDone: 0,
    rowsDone: 0,
    ...more,
  };
  return { identity: 'x', start: from, snapshot: null, lanes, namespaces: [namespace] };
}

function knownWith(lanes: number, more: Partial<PipelineRecord> = {}): Known {
  const pipeline: PipelineRecord = {
    version: STATE_VERSION,
    readerEpoch: 9,
    desired: 'running',
    ordering: 'key',
    identity: lanes === 0 ? null : 'x',
    start: lanes === 0 ? null : start,
    snapshot: null,
    lanes: lanes === 0 ? null : lanes,
    kept: null,
    ...more,
  };
  const records = Array.from({ length: lanes }, (_, lane): LaneRecord => ({
    lane,
    epoch: 3,
    readerEpoch: 8,
    sequence: 2,
    position: start,
    barrier: null,
    parked: false,
  }));
  return { pipeline, lanes: records, namespaces: new Set(lanes === 0 ? [] : ['a.b']) };
}

const save = (known: Known, plan: PipelinePlan) =>
  savePlan(known, { plan, ordering: 'key', linked: true }).map((change) => {
    const said =
      change.kind === 'update'
        ? change.set
        : change.kind === 'insert'
          ? change.row
          : change.kind === 'put'
            ? { ids: change.rows.map((row) => ('id' in row ? row.id : null)), keep: change.keep }
            : change.kind === 'remove'
              ? { ...change.where, ...(change.except && { except: change.except }) }
              : {};
    return ['table' in change ? `${change.kind} ${change.table}` : change.kind, said] as const;
  });

it('a first plan makes its namespaces, lanes and chunks', () => {
  const changes = save(knownWith(0), planOf());
  expect(changes.map(([what]) => what)).toEqual([
    'update pipeline',
    'insert lane',
    'insert lane',
    'insert namespace',
    'remove chunk',
    'put chunk',
  ]);
  expect(changes[1]![1]).toMatchObject({ lane: 0, epoch: 0, sequence: 0, position: start });
  expect(changes[5]![1]).toEqual({ ids: [1, 2], keep: { done: true } });
});

it('a copy that goes on loses the missing chunks that the plan has no more, and none that is in', () => {
  const changes = save(knownWith(2), planOf({ state: 'copying', chunks: [chunk(2), chunk(3)] }));
  expect(changes.map(([what]) => what)).toEqual([
    'update pipeline',
    'update namespace',
    'remove chunk',
    'put chunk',
  ]);
  expect(changes[2]![1]).toEqual({ namespace: 'a.b', done: false, except: [2, 3] });
  expect(changes[1]![1]).not.toHaveProperty('ready');
});

it('a copy that starts again loses all its chunks, and is not ready', () => {
  const changes = save(knownWith(2), planOf({ state: 'restart' }));
  expect(changes[1]).toEqual(['update namespace', expect.objectContaining({ ready: false })]);
  expect(changes[2]).toEqual(['remove chunk', { namespace: 'a.b' }]);
});

it('of a namespace that is ready nothing is changed by a plan', () => {
  expect(save(knownWith(2), planOf({ state: 'ready', chunks: [] })).map(([what]) => what)).toEqual([
    'update pipeline',
  ]);
});

it('the lanes of a plan that starts elsewhere start there too, under another epoch, and the rest are gone', () => {
  const elsewhere = toPosition(50n, 0n);
  const changes = save(knownWith(3), planOf({ state: 'restart' }, elsewhere, 2));
  expect(changes.slice(1, 4)).toEqual([
    ['update lane', { epoch: 4, readerEpoch: 0, sequence: 0, position: elsewhere, barrier: null }],
    ['update lane', { epoch: 4, readerEpoch: 0, sequence: 0, position: elsewhere, barrier: null }],
    ['remove lane', { lane: 2 }],
  ]);
});

it('a plan that starts elsewhere and keeps something of the old one is refused', () => {
  const elsewhere = toPosition(50n, 0n);
  expect(() => save(knownWith(2), planOf({ state: 'copying' }, elsewhere))).toThrow(
    /starts elsewhere/,
  );
});

it('what was parked of a copy that starts again is settled, and the lanes say what is left', () => {
  const known = knownWith(2);
  const parked = known.lanes.map((lane) => ({ ...lane, parked: true }));
  const changes = save({ ...known, lanes: parked }, planOf({ state: 'restart' }));
  expect(changes.slice(0, 2).map(([what]) => what)).toEqual(['settle', 'mark']);
  expect(save({ ...known, lanes: parked }, planOf({ state: 'copying' }))[0]![0]).not.toBe('settle');
});
