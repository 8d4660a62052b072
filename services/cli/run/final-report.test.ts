import { expect, it } from 'vitest';
import type { Position } from '../../../shared/change/position.ts';
import type { PipelineState } from '../../../shared/connector/sink.ts';
import { finalReport, type RunFacts } from './final-report.ts';
import { finalReportText } from './final-report-text.ts';

const counts = (inserts: number, updates = 0) => ({ inserts, updates, deletes: 0, truncates: 0 });

const FACTS: RunFacts = {
  startedAtMs: 0,
  endedAtMs: 20_000,
  copying: { fromMs: 1_000, toMs: 11_000, rows: 5_000, bytes: 10 << 20 },
  copy: {
    'public.a': { chunksTotal: 1, chunksDone: 1, rowsDone: 5_000, bytesTotal: 10 << 20, bytesDone: 10 << 20, ready: true }, // prettier-ignore
  },
  read: { 'public.a': counts(40, 2) },
  readBefore: { 'public.a': counts(2) },
  lagMs: 30,
  bytesBehind: 4_096,
};

function stateWith(applied: PipelineState['applied'], parked: PipelineState['parked'] = {}) {
  const namespaces = [{ relation: { namespace: 'public.a' }, rowsDone: 5_000 }];
  const plan = { identity: '', start: '' as Position, snapshot: null, lanes: 1, namespaces };
  return { plan, applied, parked, discarded: {}, filtered: {} } as unknown as PipelineState;
}

it('tells rows, bytes, changes by kind, rates of this run, lag and balance', () => {
  const report = finalReport('p', 'caught-up', FACTS, stateWith({ 'public.a': counts(40, 2) }));
  expect(report).toMatchObject({
    elapsedMs: 20_000,
    rowsCopied: 5_000,
    bytesCopied: 10 << 20,
    copyRate: { rowsPerSecond: 500, bytesPerSecond: 1 << 20, ms: 10_000 },
    applied: counts(40, 2),
    changesPerSecond: 2,
    balanced: true,
    lagMs: 30,
    bytesBehind: 4_096,
    verification: null,
  });
  const text = finalReportText({ ...report, verification: { equal: true, rows: 5_038 } });
  expect(text).toMatch(/copied +5,000 rows, about 10 MB, in 10 s, 500 rows\/s, 1 MB\/s/);
  expect(text).toMatch(/changes +40 inserts, 2 updates applied, 0 entries parked, 2\/s/);
  expect(text).toMatch(/balance +exact: all 42/);
  expect(text).toMatch(/4 kB behind/);
  expect(text).toMatch(/5,038 rows, equal/);
});

it('what is parked is accounted for, and what is missing is not hidden', () => {
  const parked = { 'public.a': { ...counts(1), entries: 1, rows: 0 } };
  const whole = finalReport('p', 'finished', FACTS, stateWith({ 'public.a': counts(39, 2) }, parked)); // prettier-ignore
  expect(whole).toMatchObject({ balanced: true, parkedEntries: 1 });
  const short = finalReport('p', 'finished', FACTS, stateWith({ 'public.a': counts(39, 2) }));
  expect(short.balanced).toBe(false);
  expect(finalReportText(short)).toMatch(/not all of them are accounted for/);
  expect(finalReport('p', 'finished', { ...FACTS, read: null }, stateWith({})).balanced).toBeNull();
});
