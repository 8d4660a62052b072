import { expect, it } from 'vitest';
import { toPosition } from '../../shared/change/position.ts';
import type { PipelineProgress } from '../../shared/connector/sink.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import type { ReaderStatus } from '../../shared/progress/status.ts';
import { PipelineWatch } from './pipeline-watch.ts';

const counts = (inserts: number): ChangeCounts => ({ inserts, updates: 0, deletes: 0, truncates: 0 }); // prettier-ignore
const at = (n: number) => toPosition(BigInt(n), 0n);
const COPIED = { chunksTotal: 2, chunksDone: 2, rowsDone: 500, bytesTotal: 100, bytesDone: 100, ready: true }; // prettier-ignore

function reader(more: Partial<ReaderStatus>): ReaderStatus {
  return { service: 'source-reader', pipeline: 'p', id: 'r', pid: 1, atMs: 0, problem: null, phase: 'streaming', readerEpoch: 7, copy: { t: COPIED }, read: {}, lagMs: null, retention: null, ...more }; // prettier-ignore
}

function progress(sequence: number, more: Partial<PipelineProgress>): PipelineProgress {
  return {
    readerEpoch: 7,
    desired: 'running',
    lanes: [{ lane: 0, epoch: 1, readerEpoch: 7, sequence, position: at(sequence) }],
    unfinished: [],
    applied: {},
    parked: {},
    discarded: {},
    filtered: {},
    ...more,
  };
}

/** What a round of the stats service hears, each second. */
function look(
  watch: PipelineWatch,
  n: number,
  read: number,
  more: Partial<PipelineProgress>,
): void {
  watch.onStatus(reader({}), n * 1_000);
  watch.onProgress(progress(n, more), n * 1_000);
  watch.onMark({ head: at(n), read: { t: counts(read) }, readerEpoch: 7, bytesBehind: 0 }, n * 1_000, n * 1_000); // prettier-ignore
}

it('what was parked, filtered and given up is not told as applied, of a table either', () => {
  const watch = new PipelineWatch(0);
  look(watch, 1, 100, {
    applied: { t: counts(60) },
    filtered: { t: counts(20) },
    discarded: { t: counts(5) },
    parked: { t: { ...counts(10), entries: 9, rows: 2 } },
  });
  const report = watch.report(1_000);
  expect(report).toMatchObject({ parked: 10, discarded: 5, inFlight: 5, difference: null });
  expect(report.applied).toEqual(counts(60));
  expect(report.namespaces).toMatchObject([
    { namespace: 't', applied: counts(60), settled: counts(95), filtered: 20, parked: 10 },
  ]);
});

it('a pipeline that is paused has copied what it had copied, and applies nothing any more', () => {
  const watch = new PipelineWatch(0);
  for (let n = 1; n < 8; n++) look(watch, n, 100 * n, { applied: { t: counts(100 * n) } });
  expect(watch.report(7_000).appliedPerSecond).toBeCloseTo(100);
  watch.onStatus(reader({ phase: 'paused', readerEpoch: 0, copy: {} }), 8_000);
  const report = watch.report(8_000);
  expect(report).toMatchObject({ state: 'paused', appliedPerSecond: 0, lagMs: null });
  expect(report.copy).toMatchObject({ rowsDone: 500 });
  expect(report.namespaces).toMatchObject([{ rowsDone: 500, chunksDone: 2 }]);
});

it('how many changes met no row is not told as none where it is not known, and told where some are', () => {
  const unmetOf = (more: Partial<PipelineProgress>) => {
    const watch = new PipelineWatch(0);
    look(watch, 1, 10, { applied: { t: counts(5), u: counts(5) }, ...more });
    const { unmet, namespaces } = watch.report(1_000);
    return [unmet, ...namespaces.map((each) => [each.namespace, each.unmet])];
  };
  const one = { t: { ...counts(0), deletes: 1 } };
  expect(unmetOf({})).toEqual([null, ['t', null]]);
  expect(unmetOf({ unmet: {} })).toEqual([0, ['t', 0]]);
  expect(unmetOf({ unmet: {}, unmetUnknown: ['u'] })).toEqual([null, ['t', 0]]);
  expect(unmetOf({ unmet: one, unmetUnknown: ['t', 'u'] })).toEqual([1, ['t', 1]]);
});

it('one who has looked once does not know how fast it goes, and does not say 0', () => {
  const watch = new PipelineWatch(0);
  expect(watch.report(500)).toMatchObject({ appliedPerSecond: null, copiedRowsPerSecond: null });
  look(watch, 1, 100, { applied: { t: counts(60) } });
  expect(watch.report(1_000)).toMatchObject({ appliedPerSecond: null, copiedRowsPerSecond: 0 });
  look(watch, 2, 100, { applied: { t: counts(60) } });
  expect(watch.report(2_000)).toMatchObject({ appliedPerSecond: 0 });
});

it('one who begins to look at a paused pipeline does not know how much was copied, and does not say 0', () => {
  const watch = new PipelineWatch(0);
  watch.onStatus(reader({ phase: 'paused', readerEpoch: 0, copy: {} }), 1_000);
  watch.onProgress(progress(1, { applied: { t: counts(3) } }), 1_000);
  expect(watch.report(1_000)).toMatchObject({ state: 'paused', copy: null });
  expect(watch.report(1_000).namespaces.map(({ rowsDone }) => rowsDone)).not.toContain(0);
});

it('the lag of a pipeline that nobody reads is unknown, and not what it was last', () => {
  const watch = new PipelineWatch(0);
  for (let n = 1; n < 5; n++) look(watch, n, 10, { applied: { t: counts(10) } });
  expect(watch.report(4_000).lagMs).not.toBeNull();
  expect(watch.report(20_000)).toMatchObject({ state: 'down', lagMs: null, bytesBehind: null });
});
