import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RecordCursor } from '../../shared/change/change-record.ts';
import { toPosition, type Position } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { decodeFrame, type Frame } from '../../shared/change/frame.ts';
import type { Barrier } from '../../shared/change/barrier.ts';
import type { LanePublisher } from '../../shared/hub/lane-publisher.ts';
import { ChangeRouter } from './change-router.ts';
import { LaneWriter } from './lane-writer.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const LANES = 4;
const relation = (order: Relation['order'], namespace = 'public.t'): Relation => ({
  namespace,
  columns: [{ name: 'id', type: 'integer', encoding: 'text' }],
  key: [0],
  identity: 'key',
  order,
});
const at = (high: number, low: number) => Buffer.from(toPosition(BigInt(high), BigInt(low)), 'hex');
const key = (n: number) => Buffer.from(`key ${n}`);
const ROW = Buffer.from('row');

/** The frames of each lane, as the broker would get them. */
function routing(
  starts = Array.from({ length: LANES }, () => toPosition(0n, 0n)),
  pause: Position | null = null,
) {
  const sent: Frame[][] = starts.map(() => []);
  const lanes = starts.map((start, lane) => {
    const send = (bytes: Uint8Array) => void sent[lane]!.push(decodeFrame(Buffer.from(bytes)));
    const publisher = { send, ready: () => undefined, inFlight: 0 } as unknown as LanePublisher;
    return new LaneWriter(lane, publisher, 1, start);
  });
  const router = new ChangeRouter(lanes, starts, pause);
  const changes = () => sent.map((frames) => frames.filter((frame) => frame.kind === 'changes'));
  return { router, sent, changes };
}

function recordsOf({ payload }: Frame): { kind: string; key: string }[] {
  const records = new RecordCursor(payload);
  const all: { kind: string; key: string }[] = [];
  while (records.advance()) all.push({ kind: records.kind, key: records.key.toString('hex') });
  return all;
}

function namesOf(barrier: Barrier | undefined): string {
  return barrier?.kind === 'move' ? barrier.moves.map((each) => each.key).join(', ') : '';
}

describe('routing changes', () => {
  it('keeps equal keys in one lane and uses all lanes', () => {
    const { router, changes } = routing();
    const t = relation('key');
    for (let i = 0; i < 100; i++) router.change('insert', t, at(1, i + 1), key(i), ROW, false);
    for (let i = 0; i < 100; i++) router.change('update', t, at(2, i + 1), key(i), ROW, false);
    router.commit(at(3, 0), 1);
    router.announce(toPosition(3n, 0n));
    const keys = changes().map((frames) => frames.flatMap(recordsOf));
    const inserted = keys.map((all) => all.filter(({ kind }) => kind === 'insert'));
    for (const [lane, all] of keys.entries())
      expect(all.filter(({ kind }) => kind === 'update').map(({ key }) => key)).toEqual(
        inserted[lane]!.map((each) => each.key),
      );
    expect(inserted.every((all) => all.length > 5)).toBe(true);
    expect(inserted.flat()).toHaveLength(100);
    router.close();
  });

  it('puts a namespace that needs its order into one lane as a whole', () => {
    const { router, changes } = routing();
    const t = relation('namespace');
    for (let i = 0; i < 50; i++) router.change('insert', t, at(1, i + 1), key(i), ROW, false);
    router.commit(at(2, 0), 1);
    router.announce(toPosition(2n, 0n));
    expect(changes().filter((frames) => frames.length > 0)).toHaveLength(1);
    router.close();
  });

  it('drops what a lane has already, and counts only what it sends', () => {
    const { router, changes } = routing([toPosition(5n, 3n)]);
    const t = relation('key');
    for (const [high, low] of [
      [4, 1],
      [5, 2],
      [5, 3],
      [5, 4],
      [6, 1],
    ] as const)
      router.change('insert', t, at(high, low), key(low), ROW, false);
    router.commit(at(7, 0), 1);
    router.announce(toPosition(7n, 0n));
    expect(changes()[0]!.map((frame) => frame.count)).toEqual([2]);
    expect(router.counts.get('public.t')?.inserts).toBe(2);
    router.close();
  });

  it('tells every lane of an awaited position once the stream has passed it, and not before', () => {
    const { router, sent } = routing();
    router.announce(toPosition(9n, 0n));
    router.watermark(at(8, 0), 1);
    expect(sent.map((frames) => frames.at(-1)!.kind)).toEqual(Array(LANES).fill('hello'));
    router.watermark(at(9, 0), 2);
    for (const frames of sent)
      expect(frames.at(-1)).toMatchObject({ kind: 'watermark', last: toPosition(9n, 0n) });
    router.close();
  });

  it('lets no frame reach over the instant that a copy shows, and tells every lane when it is there', () => {
    const pause = toPosition(5n, 0n);
    const { router, changes } = routing(undefined, pause);
    for (let i = 0; i < 40; i++)
      router.change('insert', relation('key'), at(4, i + 1), key(i), ROW, false);
    router.commit(at(4, 99), 1);
    for (let i = 0; i < 40; i++)
      router.change('insert', relation('key'), at(6, i + 1), key(i), ROW, false);
    router.commit(at(7, 0), 1);
    router.announce(toPosition(7n, 0n));
    for (const frames of changes()) {
      expect(frames.filter(({ first, last }) => first <= pause && last > pause)).toEqual([]);
      expect(frames.map(({ last }) => last)).toEqual([pause, toPosition(7n, 0n)]);
    }
    router.close();
    const idle = routing(undefined, pause);
    idle.router.watermark(at(5, 0), 1);
    for (const frames of idle.sent)
      expect(frames.at(-1)).toMatchObject({ kind: 'watermark', last: pause });
    idle.router.close();
  });

  it('brings a barrier to every lane, behind what came before it', () => {
    const { router, sent } = routing();
    const t = relation('namespace');
    router.change('insert', t, at(1, 1), key(1), ROW, false);
    const truncate = {
      kind: 'truncate',
      relations: [t],
      cascade: false,
      restartIdentity: false,
    } as const;
    router.barrier(at(1, 2), { ...truncate, relations: [...truncate.relations] });
    for (const frames of sent) expect(frames.at(-1)).toMatchObject({ kind: 'barrier' });
    expect(sent.flat().filter((frame) => frame.kind === 'changes')).toHaveLength(1);
    expect(router.counts.get('public.t')).toMatchObject({ inserts: 1, truncates: 1 });
    router.close();
  });

  it('puts moves that follow each other into one barrier, in order, and nothing overtakes them', () => {
    const { router, sent, changes } = routing();
    const t = relation('key');
    const move = (n: number): Barrier => ({
      kind: 'move',
      relation: t,
      moves: [{ key: `old ${n}`, row: `new ${n}` }],
    });
    router.change('insert', t, at(1, 1), key(1), ROW, false);
    for (let n = 1; n <= 3; n++) router.barrier(at(1, 1 + n), move(n));
    router.commit(at(2, 0), 1);
    router.barrier(at(2, 1), move(4));
    router.change('insert', t, at(2, 2), key(1), ROW, false);
    router.barrier(at(2, 3), move(5));
    router.commit(at(3, 0), 1);
    router.announce(toPosition(3n, 0n));
    const [moved] = sent.filter((_, lane) => changes()[lane]!.length === 2);
    expect(moved!.map(({ kind, body: { barrier } }) => [kind, namesOf(barrier)])).toEqual([
      ['hello', ''],
      ['changes', ''],
      ['barrier', 'old 1, old 2, old 3, old 4'],
      ['changes', ''],
      ['barrier', 'old 5'],
      ['watermark', ''],
    ]);
    expect(moved![2]!.last).toBe(toPosition(2n, 1n));
    expect(router.counts.get('public.t')).toMatchObject({ inserts: 2, updates: 5 });
    router.close();
  });

  it('sends moves on their own after a moment', () => {
    const { router, sent } = routing();
    const barrier: Barrier = {
      kind: 'move',
      relation: relation('key'),
      moves: [{ key: 'a', row: 'b' }],
    };
    router.barrier(at(1, 1), barrier);
    vi.advanceTimersByTime(3);
    expect(sent.every((frames) => frames.at(-1)!.kind === 'barrier')).toBe(true);
    router.close();
  });

  it('sends a transaction at once, and those right behind it a moment later, together', () => {
    const { router, changes } = routing();
    const counts = (): number[] => changes().flatMap((frames) => frames.map(({ count }) => count));
    const transact = (n: number): void => {
      router.change('insert', relation('namespace'), at(n, 1), key(n), ROW, false);
      router.commit(at(n, 2), 1);
    };
    vi.advanceTimersByTime(1_000);
    transact(1);
    expect(counts()).toEqual([1]);
    transact(2);
    transact(3);
    expect(counts()).toEqual([1]);
    vi.advanceTimersByTime(3);
    expect(counts()).toEqual([1, 2]);
    router.close();
  });

  it('lets frames fill while changes pour in, for less than a tenth of a second', () => {
    const { router, changes } = routing();
    const startedAtMs = Date.now();
    for (let n = 1; changes().flat().length === 0; n++) {
      for (let i = 0; i < 300; i++)
        router.change('insert', relation('key'), at(n, i + 1), key(i), ROW, false);
      router.commit(at(n, 1_000), 1);
      vi.advanceTimersByTime(3);
    }
    const tookMs = Date.now() - startedAtMs;
    expect(tookMs).toBeGreaterThan(50);
    expect(tookMs).toBeLessThan(100);
    router.close();
  });

  it('numbers the frames of each lane without a gap', () => {
    const { router, sent } = routing();
    const large = Buffer.alloc(100_000);
    for (let i = 0; i < 40; i++)
      router.change('insert', relation('key'), at(1, i + 1), key(i), large, false);
    router.commit(at(2, 0), 1);
    router.announce(toPosition(2n, 0n));
    for (const frames of sent)
      expect(frames.map((frame) => frame.sequence)).toEqual(frames.map((_, i) => i + 1));
    router.close();
  });
});
