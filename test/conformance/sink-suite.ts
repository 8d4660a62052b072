import { describe, expect, it, onTestFinished } from 'vitest';
import { LAST_POSITION } from '../../shared/change/position.ts';
import { at, DrivenSink, type Item, LANES, NO_COUNTS } from './driven-sink.ts';
import type { OpenStore, SinkSubject } from './sink-subject.ts';

const FIRST: Item[] = [
  ['1', 'one'],
  ['2', null],
];
const SECOND: Item[] = [
  ['3', 'three'],
  ['-4', '\'; quoted "\\ \t\n'],
  ['9223372036854775807', 'größte ☃ 🚀'],
];

/** What every store that is written promises, in process: `Sink` and what its services build on. */
export function registerSinkSuite({ kind, can, emptiesNothing, open }: SinkSubject): void {
  describe(`a pipeline written to ${kind}`, () => {
    const openStore = async (): Promise<OpenStore> => {
      const store = await open();
      onTestFinished(() => store.close());
      return store;
    };
    const drive = (store: OpenStore): DrivenSink => {
      const driven = new DrivenSink(store);
      onTestFinished(() => driven.sink.close());
      return driven;
    };
    const expectRows = async ({ rows }: OpenStore, items: readonly Item[]): Promise<void> => {
      if (can.rows === 'kept') expect(await rows!()).toEqual(new Map(items));
      else expect(rows).toBeNull();
    };
    /** A copy that is in, and changes that may begin. */
    const copied = async (items: Item[]) => {
      const store = await openStore();
      const driven = drive(store);
      const chunk = driven.chunk(1);
      const epoch = await driven.begin(driven.planOf([chunk]));
      expect(await driven.load(chunk, items)).toBe('loaded');
      await driven.sink.finishNamespaces();
      return { store, driven, epoch };
    };

    it('has nothing before its plan, and then what was planned, whoever reads it', async () => {
      const store = await openStore();
      const driven = drive(store);
      expect(await driven.sink.readState()).toBeNull();
      expect(await driven.sink.writeDesired('paused')).toBe(false);
      const epoch = await driven.sink.beginReader();
      expect(await driven.sink.readState()).toBeNull();
      const plan = driven.planOf([driven.chunk(1), driven.chunk(2)]);
      await driven.sink.savePlan(plan, epoch);
      expect(await driven.sink.writeDesired('paused')).toBe(true);
      const state = await drive(store).sink.readState();
      expect(state).toMatchObject({ readerEpoch: epoch, desired: 'paused', order: 'key' });
      expect(state?.plan).toMatchObject({ identity: 'x', lanes: LANES });
      expect(state?.plan.namespaces).toMatchObject([
        { state: 'copying', chunks: plan.namespaces[0]!.chunks, chunksDone: 0 },
      ]);
    });

    it('goes on in the middle of its copy where another process takes it up', async () => {
      const store = await openStore();
      const first = drive(store);
      const chunks = [first.chunk(1), first.chunk(2)];
      await first.begin(first.planOf(chunks));
      expect(await first.load(chunks[0]!, FIRST)).toBe('loaded');

      const second = drive(store);
      const { plan } = (await second.sink.readState())!;
      expect(plan.namespaces).toMatchObject([
        { chunks: [{ id: 2 }], chunksDone: 1, rowsDone: FIRST.length },
      ]);
      await second.begin(plan);
      expect(await second.load(chunks[0]!, FIRST)).toBe('present');
      expect((await second.sink.readLimits()).get(second.namespace)).toBe(at(0));
      expect(await second.load(chunks[1]!, SECOND)).toBe('loaded');
      const limits = await second.sink.finishNamespaces();
      expect(limits.get(second.namespace)).toBe(LAST_POSITION);
      expect((await second.sink.readState())!.plan.namespaces).toMatchObject([
        { state: 'ready', chunks: [], chunksDone: 2, rowsDone: FIRST.length + SECOND.length },
      ]);
      await expectRows(store, [...FIRST, ...SECOND]);
    });

    it('leaves a chunk missing whose bytes end with an error, and takes it when it comes again', async () => {
      const store = await openStore();
      const driven = drive(store);
      const chunk = driven.chunk(1);
      await driven.begin(driven.planOf([chunk]));
      async function* broken(): AsyncGenerator<Buffer> {
        yield* driven.parts(FIRST.slice(0, 1));
        throw new Error('the reader is gone');
      }
      const head = { ...chunk, relation: store.plan.relation, filtered: () => 0 };
      const known = { batchKey: () => 'key', rows: () => 1 };
      await expect(driven.sink.writeData({ ...head, ...known }, broken())).rejects.toThrow();
      expect((await driven.sink.readState())!.plan.namespaces[0]!.chunks).toHaveLength(1);
      expect(await driven.load(chunk, FIRST)).toBe('loaded');
      await driven.sink.finishNamespaces();
      await expectRows(store, FIRST);
    });

    it('wants no chunk of a plan that was replaced, and a copy that starts again begins empty', async () => {
      const store = await openStore();
      const driven = drive(store);
      const [old, next] = [driven.chunk(1), driven.chunk(2)];
      await driven.begin(driven.planOf([old]));
      expect(await driven.load(old, FIRST)).toBe('loaded');
      await driven.begin(driven.planOf([next], { state: 'restart' }));
      expect(await driven.load(old, FIRST)).toBe('unwanted');
      expect(await driven.load(next, SECOND)).toBe('loaded');
      await driven.sink.finishNamespaces();
      await expectRows(store, emptiesNothing === true ? [...FIRST, ...SECOND] : SECOND);
    });

    it('merges a chunk when every lane is at the instant that it shows, and not before', async () => {
      const store = await openStore();
      const driven = drive(store);
      const chunk = driven.chunk(1, 'merge');
      const state = 'copying' as const;
      const first = driven.planOf([driven.chunk(9)]);
      await driven.begin(first);
      const epoch = await driven.begin(driven.planOf([chunk], { state, settled: at(5) }));
      expect(await driven.load(chunk, FIRST)).toBe('early');
      for (let lane = 0; lane < LANES; lane++) {
        expect(await driven.load(chunk, FIRST)).toBe('early');
        const owner = await driven.sink.openLane(lane);
        await driven.sink.writeUpdates(driven.batch(owner, epoch, at(5)));
      }
      expect(await driven.load(chunk, FIRST)).toBe('loaded');
      await driven.sink.finishNamespaces();
      await expectRows(store, FIRST);
    });

    it('applies a batch with its progress and its counts, and once though it comes twice', async () => {
      const { store, driven, epoch } = await copied(FIRST);
      const owner = await driven.sink.openLane(0);
      const batch = driven.batch(owner, epoch, at(1), { upserts: SECOND, deletes: ['1'] });
      await driven.sink.writeUpdates(batch);
      await expect(driven.sink.writeUpdates(batch)).rejects.toMatchObject({ code: 'FENCED' });
      await expectRows(store, [FIRST[1]!, ...SECOND]);
      const progress = (await drive(store).sink.readProgress())!;
      expect(progress.applied[driven.namespace]).toEqual({
        ...NO_COUNTS,
        inserts: SECOND.length,
        deletes: 1,
      });
      expect(progress.lanes[0]).toMatchObject({ sequence: 1, position: at(1) });
    });

    it('takes nothing of an owner whose lane another has, and leaves nothing of it behind', async () => {
      const { store, driven, epoch } = await copied(FIRST);
      const owner = await driven.sink.openLane(0);
      const other = drive(store);
      const next = await other.sink.openLane(0);
      const late = driven.batch(owner, epoch, at(1), { deletes: ['1', '2'] });
      await expect(driven.sink.writeUpdates(late)).rejects.toMatchObject({ code: 'FENCED' });
      await expectRows(store, FIRST);
      await other.sink.writeUpdates(other.batch(next, epoch, at(1), { deletes: ['1'] }));
      await expectRows(store, FIRST.slice(1));
    });

    it('takes no frame of an earlier reader once another has begun, and those of that one', async () => {
      const { store, driven, epoch } = await copied(FIRST);
      const owner = await driven.sink.openLane(0);
      const begun = await driven.sink.beginReader();
      expect(begun).toBe(epoch + 1);
      const stale = driven.batch(owner, epoch, at(1), { deletes: ['1'] });
      await expect(driven.sink.writeUpdates(stale)).rejects.toMatchObject({ code: 'FENCED' });
      await driven.sink.writeUpdates(driven.batch(owner, begun, at(1), { deletes: ['2'] }));
      await expectRows(store, FIRST.slice(0, 1));
      await expect(driven.sink.savePlan(driven.planOf([]), epoch)).rejects.toMatchObject({
        code: 'FENCED',
      });
    });

    it('carries a barrier out when every lane has come to it, and every lane is then behind it', async () => {
      const { store, driven, epoch } = await copied(FIRST);
      const [first, second] = [await driven.sink.openLane(0), await driven.sink.openLane(1)];
      const { relation } = store.plan;
      expect(await driven.sink.arriveAtBarrier(first, at(7))).toBe(false);
      expect(await driven.sink.arriveAtBarrier(second, at(7))).toBe(true);
      expect(await driven.sink.barrierDone(at(7))).toBe(false);
      const columns = [...relation.columns];
      const after = { relation: { ...relation, columns }, definition: store.plan.definition };
      await driven.sink.runBarrier(driven.batch(first, epoch, at(7)), {
        kind: 'relation',
        before: relation,
        after,
      });
      expect(await driven.sink.barrierDone(at(7))).toBe(true);
      const progress = (await drive(store).sink.readProgress())!;
      expect(progress.lanes.map(({ position }) => position)).toEqual([at(7), at(7)]);
      await expectRows(store, FIRST);
    });

    it('empties a table where the source did, or says that it cannot be told so', async () => {
      const { store, driven, epoch } = await copied(FIRST);
      const { relation } = store.plan;
      const barrier = {
        kind: 'truncate' as const,
        relations: [relation],
        cascade: false,
        restartIdentity: false,
      };
      const owner = await driven.sink.openLane(0);
      const batch = driven.batch(owner, epoch, at(7));
      try {
        await driven.sink.runBarrier(batch, barrier);
      } catch (error) {
        expect(error).toMatchObject({ code: 'NOT_SUPPORTED' });
        expect((await driven.sink.readProgress())!.lanes[0]).toMatchObject({ position: at(0) });
        return;
      }
      await expectRows(store, []);
      await driven.sink.writeUpdates(driven.batch(batch.after, epoch, at(8), { upserts: SECOND }));
      await expectRows(store, SECOND);
      await expect(driven.sink.runBarrier(batch, barrier)).rejects.toMatchObject({
        code: 'FENCED',
      });
      await expectRows(store, SECOND);
    });

    it('tells at a check, and refuses, a change of structure that nobody here could tell mended', async () => {
      const { store, driven, epoch } = await copied(FIRST);
      const { relation } = store.plan;
      const changes = [
        { says: 'name was computed anew', detail: { kind: 'values', column: 'name' } },
      ];
      const barrier = { kind: 'relation' as const, before: relation, after: store.plan, changes };
      const findings = await driven.sink.check([store.plan], undefined, [barrier]);
      expect(findings.filter(({ code }) => code === 'SCHEMA_CHANGED')).toMatchObject([
        { level: 'error', subject: driven.namespace },
      ]);
      const owner = await driven.sink.openLane(0);
      const batch = driven.batch(owner, epoch, at(7));
      await expect(driven.sink.runBarrier(batch, barrier)).rejects.toMatchObject({
        code: 'SCHEMA_CHANGED',
      });
    });

    it('keeps the checkpoint of a source whose positions mean nothing beyond a session', async () => {
      const { store, driven } = await copied(FIRST);
      expect((await driven.sink.readState())!.kept).toBeNull();
      await driven.sink.writeSideState({ kept: { cursors: ['a', 1] } });
      await driven.sink.writeSideState({ kept: { cursors: ['b', 2] } });
      expect((await drive(store).sink.readState())!.kept).toEqual({ cursors: ['b', 2] });
    });

    it('is forgotten by a reset, and its rows stay', async () => {
      const { store, driven, epoch } = await copied(FIRST);
      const owner = await driven.sink.openLane(0);
      await driven.sink.reset();
      await driven.sink.reset();
      expect(await drive(store).sink.readState()).toBeNull();
      const late = driven.batch(owner, epoch, at(1), { deletes: ['1'] });
      await expect(driven.sink.writeUpdates(late)).rejects.toThrow();
      await expectRows(store, FIRST);
    });
  });
}
