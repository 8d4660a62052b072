import { describe, expect, it, onTestFinished } from 'vitest';
import type { ParkedSelection, RetrySteps } from '../../shared/connector/parking.ts';
import type { LaneProgress, Sink } from '../../shared/connector/sink.ts';
import { replayParked } from '../../shared/progress/replay-parked.ts';
import { at, DrivenSink, type Item, NO_COUNTS } from './driven-sink.ts';
import { FORBIDDEN, type OpenStore, type SinkSubject, type SinkTraits } from './sink-subject.ts';

const FIRST: Item[] = [
  ['1', 'one'],
  ['2', null],
];
const ALL: ParkedSelection = { kind: 'all' };

/** What every store that is written promises of rows that are put aside. */
export function registerQuarantineSuite({ kind, can, open }: SinkSubject): void {
  describe(`rows that are put aside at ${kind}`, () => {
    const copied = async (traits: SinkTraits = {}) => {
      const store = await open();
      onTestFinished(() => store.close());
      const drive = (more: SinkTraits = {}): DrivenSink => {
        const driven = new DrivenSink(store, { onBadRow: 'park', ...more });
        onTestFinished(() => driven.sink.close());
        return driven;
      };
      const driven = drive(traits);
      const chunk = driven.chunk(1);
      const epoch = await driven.begin(driven.planOf([chunk]));
      expect(await driven.load(chunk, FIRST)).toBe('loaded');
      await driven.sink.finishNamespaces();
      return { store, drive, driven, epoch, owner: await driven.sink.openLane(0) };
    };
    type Copied = Awaited<ReturnType<typeof copied>>;
    type Given = Parameters<DrivenSink['batch']>[3];

    /** Batches of lane 0, one after the other. */
    const write = async ({ driven, epoch, owner }: Copied, ...batches: Given[]): Promise<void> => {
      let before: LaneProgress = owner;
      for (const given of batches) {
        const { sequence } = before;
        const batch = driven.batch(before, epoch, at(sequence + 1), given);
        await driven.sink.writeUpdates(batch);
        before = batch.after;
      }
      Object.assign(owner, before);
    };
    const expectRows = async ({ rows }: OpenStore, ...items: Item[]): Promise<void> => {
      if (can.rows === 'kept') expect(await rows!()).toEqual(new Map(items));
    };
    const replay = ({ parking }: Sink, selection = ALL) =>
      replayParked((step) => parking!.replay(step.selection, step.after, step.until), selection);
    const listed = async ({ parking }: Sink): Promise<string[]> =>
      (await parking!.list(ALL, 0, 100)).map((each) => `${each.kind} ${each.key!['id']}`);
    const counted = async ({ sink, namespace }: DrivenSink) => {
      const { applied, parked, discarded } = (await sink.readProgress())!;
      const inserts = (sums: Readonly<Record<string, { inserts: number }>>): number =>
        sums[namespace]?.inserts ?? 0;
      return [inserts(applied), inserts(parked), inserts(discarded)];
    };

    it('a row that a step failed for waits with what comes behind it, and goes in once the steps pass', async () => {
      const all = await copied();
      const { store, drive, driven } = all;
      await write(all, { failed: [['7', 'raw']], upserts: [['8', 'eight']] });
      const fails: RetrySteps = () => Promise.resolve({ failure: 'it fails still' });
      const failing = drive({ retrySteps: fails });
      const [first] = await driven.sink.parking!.list(ALL, 0, 1);
      const ids = [first!.id];
      expect(await replay(failing.sink, { kind: 'ids', ids })).toEqual({ replayed: 0, left: 1 });

      await write(all, {
        upserts: [
          ['7', 'behind'],
          ['9', 'nine'],
        ],
      });
      await expectRows(store, ...FIRST, ['8', 'eight'], ['9', 'nine']);
      expect(await listed(driven.sink)).toEqual(['upsert 7', 'upsert 7']);
      expect(await counted(driven)).toEqual([2, 2, 0]);
      const [entry] = await driven.sink.parking!.list(ALL, 0, 1);
      const about = { untransformed: true, reason: 'it fails still', key: { id: '7' } };
      expect(entry).toMatchObject(about);
      const shown = await driven.sink.parking!.show(entry!.id);
      expect(shown!.values).toEqual({ id: '7', name: 'raw' });

      const passes: RetrySteps = (relation, _, tuple) =>
        Promise.resolve({ relation, tuple, partial: false, elsewhere: [] });
      const passing = drive({ retrySteps: passes });
      expect(await replay(passing.sink)).toEqual({ replayed: 2, left: 0 });
      await expectRows(store, ...FIRST, ['7', 'behind'], ['8', 'eight'], ['9', 'nine']);
      expect(await counted(driven)).toEqual([4, 0, 0]);
      await write(all, { deletes: ['7'] });
      await expectRows(store, ...FIRST, ['8', 'eight'], ['9', 'nine']);
    });

    it('what is discarded counts as that, and changes of its key flow again', async () => {
      const all = await copied();
      const { store, driven } = all;
      await write(all, { failed: [['7', 'raw']] }, { upserts: [['7', 'behind']] });
      expect(await driven.sink.parking!.discard(ALL)).toBe(2);
      expect(await driven.sink.parking!.discard(ALL)).toBe(0);
      expect(await counted(driven)).toEqual([0, 0, 2]);
      await write(all, { upserts: [['7', 'seven']] });
      expect(await counted(driven)).toEqual([1, 0, 2]);
      await expectRows(store, ...FIRST, ['7', 'seven']);
    });

    it('what is parked of one lane holds up no other, and a page ends where it is to', async () => {
      const all = await copied();
      const { store, driven, epoch } = all;
      await write(all, {
        failed: [
          ['7', 'raw'],
          ['17', 'raw'],
          ['27', 'raw'],
        ],
      });
      const other = await driven.sink.openLane(1);
      await driven.sink.writeUpdates(
        driven.batch(other, epoch, at(1), { upserts: [['8', 'eight']] }),
      );
      await expectRows(store, ...FIRST, ['8', 'eight']);
      const { parking } = driven.sink;
      const first = await parking!.list(ALL, 0, 2);
      const rest = await parking!.list(ALL, first.at(-1)!.id, 2);
      expect([...first, ...rest].map(({ key }) => key!['id'])).toEqual(['7', '17', '27']);
      expect(await parking!.show(rest[0]!.id + 1_000)).toBeNull();
    });

    it('rows of the copy that a step failed for are put aside with their chunk', async () => {
      const store = await open();
      onTestFinished(() => store.close());
      const driven = new DrivenSink(store, { onBadRow: 'park' });
      onTestFinished(() => driven.sink.close());
      const chunk = driven.chunk(1);
      await driven.begin(driven.planOf([chunk]));
      expect(await driven.load(chunk, FIRST, [driven.failedRow(['3', 'raw'])])).toBe('loaded');
      expect(await driven.load(chunk, FIRST)).toBe('present');
      await driven.sink.finishNamespaces();
      await expectRows(store, ...FIRST);
      const { parked } = (await driven.sink.readProgress())!;
      expect(parked[driven.namespace]).toEqual({ ...NO_COUNTS, entries: 1, rows: 1 });
    });

    it('is forgotten where the table is copied anew, and by a reset', async () => {
      const all = await copied();
      const { driven } = all;
      await write(all, { failed: [['7', 'raw']] });
      await driven.begin(driven.planOf([driven.chunk(2)], { state: 'restart' }));
      expect(await listed(driven.sink)).toEqual([]);
      await driven.load(driven.chunk(2), FIRST);
      await driven.sink.finishNamespaces();
      const owner = await driven.sink.openLane(0);
      const again = { ...all, owner, epoch: (await driven.sink.readProgress())!.readerEpoch };
      await write(again, { failed: [['7', 'raw']] });
      expect(await listed(driven.sink)).toEqual(['upsert 7']);
      await driven.sink.reset();
      expect(await listed(driven.sink)).toEqual([]);
    });

    it('of two who replay at once each entry is applied once', async () => {
      const all = await copied();
      const { store, drive, driven } = all;
      const items = Array.from({ length: 30 }, (_, i): Item => [String(100 + i), `raw ${i}`]);
      await write(all, { failed: items }, { upserts: items.map(([id]): Item => [id, 'behind']) });
      const passes: RetrySteps = (relation, _, tuple) =>
        Promise.resolve({ relation, tuple, partial: false, elsewhere: [] });
      const both = [drive({ retrySteps: passes }), drive({ retrySteps: passes })];
      const done = await Promise.all(both.map(({ sink }) => replay(sink)));
      expect(done[0]!.replayed + done[1]!.replayed).toBe(60);
      expect(await counted(driven)).toEqual([60, 0, 0]);
      await expectRows(store, ...FIRST, ...items.map(([id]): Item => [id, 'behind']));
    });

    describe('where it refuses rows', () => {
      const refusing = async (traits: SinkTraits = {}) => {
        const all = await copied(traits);
        await all.store.refusing?.forbid();
        return { ...all, isRefusing: all.store.refusing !== null };
      };

      it('the refused ones wait with what comes behind them, and go in in their order once they are taken', async () => {
        const all = await refusing();
        const { store, driven, isRefusing } = all;
        if (!isRefusing) return;
        const good: Item[] = [
          ['8', 'eight'],
          ['9', 'nine'],
          ['10', null],
        ];
        await write(all, {
          upserts: [['7', FORBIDDEN], ...good, ['11', FORBIDDEN]],
          deletes: ['1'],
        });
        await write(all, { deletes: ['7'] }, { upserts: [['7', FORBIDDEN]] });
        await expectRows(store, FIRST[1]!, ...good);
        expect((await listed(driven.sink)).sort()).toEqual([
          'delete 7',
          'upsert 11',
          'upsert 7',
          'upsert 7',
        ]);
        expect(await counted(driven)).toEqual([3, 3, 0]);
        await driven.sink.openLane(0).then((owner) => Object.assign(all.owner, owner));
        expect(
          (await replay(driven.sink, { kind: 'namespace', namespace: driven.namespace })).left,
        ).toBe(2);
        await store.refusing!.allow();
        await replay(driven.sink);
        await expectRows(store, FIRST[1]!, ...good, ['7', FORBIDDEN], ['11', FORBIDDEN]);
        expect(await counted(driven)).toEqual([6, 0, 0]);
      });

      it('a chunk comes again and is loaded without them', async () => {
        const store = await open();
        onTestFinished(() => store.close());
        if (store.refusing === null) return;
        const driven = new DrivenSink(store, { onBadRow: 'park' });
        onTestFinished(() => driven.sink.close());
        const [chunk, none] = [driven.chunk(1), driven.chunk(2)];
        await driven.begin(driven.planOf([chunk, none]));
        await store.refusing.forbid();
        const items: Item[] = [...FIRST, ['3', FORBIDDEN], ['4', 'four']];
        expect(await driven.load(chunk, items)).toBe('again');
        expect(await driven.load(chunk, items)).toBe('loaded');
        expect(await driven.load(chunk, items)).toBe('present');
        expect(['again', 'loaded']).toContain(await driven.load(none, [['5', FORBIDDEN]]));
        expect(['loaded', 'present']).toContain(await driven.load(none, [['5', FORBIDDEN]]));
        await driven.sink.finishNamespaces();
        await expectRows(store, ...FIRST, ['4', 'four']);
        expect(await listed(driven.sink)).toEqual(['upsert 3', 'upsert 5']);
        await store.refusing.allow();
        expect(await replay(driven.sink)).toEqual({ replayed: 2, left: 0 });
        await expectRows(store, ...FIRST, ['3', FORBIDDEN], ['4', 'four'], ['5', FORBIDDEN]);
      });

      it('the pipeline stops at the first where it is to, and nothing moves', async () => {
        const all = await refusing({ onBadRow: 'stop' });
        const { driven, isRefusing } = all;
        if (!isRefusing) return;
        const bad = write(all, { upserts: [['7', FORBIDDEN]] });
        await expect(bad).rejects.toMatchObject({ code: 'ROW_REFUSED' });
        expect((await driven.sink.readProgress())!.lanes[0]).toMatchObject({ position: at(0) });
        expect(await listed(driven.sink)).toEqual([]);
      });
    });
  });
}
