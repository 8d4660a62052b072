import { describe, expect, it } from 'vitest';
import { toPosition } from '../../../../../shared/change/position.ts';
import type { LaneBatch, LaneProgress } from '../../../../../shared/connector/sink.ts';
import { savePlan } from '../../../../../shared/state/plan-steps.ts';
import { progressOrFailure, progressStatement } from './lane-progress.ts';
import { QueryValues } from '../../connection/query-values.ts';
import { toStatement } from './state-statements.ts';

const before: LaneProgress = {
  lane: 2,
  epoch: 3,
  readerEpoch: 7,
  sequence: 5,
  position: toPosition(10n, 0n),
};
const counts = new Map([['a.b', { inserts: 1, updates: 2, deletes: 3, truncates: 0 }]]);
const batch = (more: Partial<LaneProgress> = {}, changes: unknown[] = []): LaneBatch => ({
  before: { ...before, ...more },
  after: { ...before, sequence: 6, position: toPosition(11n, 0n) },
  changes: changes as LaneBatch['changes'],
  counts,
});

describe('the progress of a lane', () => {
  it('is one statement, which does nothing where the lane is elsewhere', () => {
    const position = (n: string): string => `'${n.padStart(16, '0')}${'0'.repeat(16)}'::text`;
    expect(progressStatement("p'1", batch({}, [0]))).toBe(
      `WITH moved AS (UPDATE weir.lane SET reader_epoch = 7::bigint, sequence = 6::bigint, position = ${position('b')} WHERE pipeline = 'p''1'::text AND lane = 2::integer AND epoch = 3::bigint AND position = ${position('a')} AND (reader_epoch, sequence) IN ((7::bigint, 5::bigint), (7::bigint, 0::bigint)) AND NOT parked RETURNING lane) INSERT INTO weir.count AS c (pipeline, lane, namespace, inserts, updates, deletes, truncates) SELECT 'p''1'::text, l.lane, v.* FROM moved l, (VALUES ('a.b'::text, 1::bigint, 2::bigint, 3::bigint, 0::bigint)) v ON CONFLICT (pipeline, lane, namespace) DO UPDATE SET inserts = c.inserts + excluded.inserts, updates = c.updates + excluded.updates, deletes = c.deletes + excluded.deletes, truncates = c.truncates + excluded.truncates`,
    );
  });

  it('is prepared once, whatever the values are', () => {
    const texts = [{}, { readerEpoch: 6 }, { sequence: 0 }, { readerEpoch: 7, sequence: 0 }].map(
      (each) => progressOrFailure('p', batch(each)).statement.sql,
    );
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain('SELECT 1 / count(*) FROM moved');
  });
});

it('chunks are stored in two statements, however many there are, and what is in stays', () => {
  const chunks = [1, 2, 3].map((id) => ({
    id,
    namespace: 'a.b',
    cursor: null,
    how: 'load' as const,
    dataType: 'x',
    estimatedBytes: 1,
  }));
  const start = before.position;
  const relation = { namespace: 'a.b', columns: [], key: [], identity: 'none', order: 'key' };
  const step = savePlan(
    {
      pipeline: {
        version: 2,
        readerEpoch: 1,
        desired: 'running',
        ordering: 'key',
        identity: 'x',
        start,
        snapshot: null,
        lanes: 1,
        kept: null,
      },
      namespaces: new Set(['a.b']),
      lanes: [{ ...before, lane: 0, barrier: null, parked: false }],
    },
    {
      plan: {
        identity: 'x',
        start,
        snapshot: null,
        lanes: 1,
        namespaces: [
          {
            relation: relation as never,
            definition: null,
            start,
            settled: start,
            state: 'copying',
            chunks,
            chunksDone: 0,
            rowsDone: 0,
          },
        ],
      },
      ordering: 'key',
      linked: true,
    },
  );
  const said = step
    .flatMap((change) => ('table' in change && change.table === 'chunk' ? [change] : []))
    .map((change) => {
      const values = new QueryValues();
      return { sql: toStatement('p', change, values.put), values: values.list };
    });
  expect(said).toHaveLength(2);
  expect(said[0]).toEqual({
    sql: 'DELETE FROM weir.chunk WHERE pipeline = $1::text AND namespace = $2::text AND done = $3::boolean AND NOT (id = ANY($4::bigint[]))',
    values: ['p', 'a.b', false, '{1,2,3}'],
  });
  expect(said[1]!.sql).toMatch(
    /ON CONFLICT \(pipeline, id\) DO UPDATE SET .* WHERE NOT \(r\.done = /,
  );
});
