import { expect, it } from 'vitest';
import type {
  CopyProgress,
  ReaderStatus,
  StatsStatus,
  WriterStatus,
} from '../../../shared/progress/status.ts';
import { liveLines } from './live-lines.ts';

const COMMON = { pipeline: 'p', id: 'a', pid: 1, atMs: 0, problem: null };

function reader(phase: ReaderStatus['phase'], copy: Record<string, CopyProgress>): ReaderStatus {
  return { ...COMMON, service: 'source-reader', phase, readerEpoch: 1, copy, read: {}, lagMs: null, retention: null }; // prettier-ignore
}

const table = (more: Partial<CopyProgress>): CopyProgress => ({
  chunksTotal: 4,
  chunksDone: 0,
  rowsDone: 0,
  bytesTotal: 4 << 20,
  bytesDone: 0,
  ready: false,
  ...more,
});

it('draws a bar for each table by its bytes, those that are being copied first', () => {
  const copy = {
    done: table({ chunksDone: 4, bytesDone: 4 << 20, rowsDone: 4_000, ready: true }),
    half: table({ chunksDone: 1, bytesDone: 2 << 20, rowsDone: 1_000 }),
    later: table({}),
    sealing: table({ chunksDone: 4, bytesDone: 4 << 20, rowsDone: 9 }),
  };
  const lines = liveLines('p', [reader('snapshotting', copy)], { columns: 120, rows: 40 });
  expect(lines.slice(1).map((line) => line.trim().split(' ')[0])).toEqual(['half', 'later', 'sealing', 'done']); // prettier-ignore
  expect(lines[1]).toContain(`${'█'.repeat(12)}${'░'.repeat(12)}  50 %  1,000 rows, 2 MB`);
  expect(lines[3]).toMatch(/100 %.*indexes and constraints/);
});

it('keeps to the terminal: neither wider nor higher, and counts what is left out', () => {
  const copy = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`table_${n}`, table({})]));
  const lines = liveLines('p', [reader('snapshotting', copy)], { columns: 30, rows: 10 });
  expect(lines).toHaveLength(8);
  expect(lines.at(-1)).toBe('  and 46 more tables');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(30);
});

it('shows what became of what was read when it follows', () => {
  const counts = (n: number) => ({ inserts: n, updates: 0, deletes: 0, truncates: 0 });
  const stats = {
    ...COMMON,
    service: 'stats',
    phase: 'running',
    report: { state: 'following', read: counts(100), applied: counts(90), filtered: counts(0), discarded: 0, parked: 4, parkedEntries: 4, inFlight: 6, difference: null, lagMs: 40, bytesBehind: 2048, stateMs: 90_000, appliedPerSecond: 5, copy: null }, // prettier-ignore
  } as unknown as StatsStatus;
  const text = liveLines('p', [reader('streaming', {}), stats], { columns: 200, rows: 40 }).join('\n'); // prettier-ignore
  expect(text).toMatch(/read 100 · applied 90 · parked 4 · in flight 6 · balance exact/);
  expect(text).toMatch(/2 kB behind/);
});

it('says what a person should look at in whole sentences, however narrow the terminal', () => {
  const warning = 'public.p1 is no longer a partition of public.p at the source; detach it';
  const writer = { ...COMMON, service: 'target-writer', lanes: [0], warnings: [warning] } as unknown as WriterStatus; // prettier-ignore
  const services = [{ ...reader('streaming', {}), problem: 'no answer' }, writer, { ...writer, id: 'b' }]; // prettier-ignore
  const lines = liveLines('p', services, { columns: 40, rows: 20 });
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(40);
  expect(lines.map((line) => line.trim()).join(' ')).toBe(`p: streaming · 2 writers warning: ${warning} problem: no answer`); // prettier-ignore
});
