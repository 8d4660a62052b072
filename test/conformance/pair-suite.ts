import { describe, expect, it, onTestFinished } from 'vitest';
import { DirectPipeline } from '../support/direct-pipeline.ts';
import { NO_ITEMS, type SourceSubject, type TargetSubject } from './pair-subject.ts';

const FIRST = new Map<string, string | null>([
  ['1', 'one'],
  ['2', null],
  ['3', '\'; quoted "\\ \t\n'],
  ['-4', ''],
  ['9223372036854775807', 'größte ☃ 🚀'],
]);

/** What every pair of stores promises: the target ends with what the source holds, whatever was interrupted. */
export function registerPairSuite(from: SourceSubject, to: TargetSubject): void {
  describe(`from ${from.kind} to ${to.kind}`, () => {
    const open = async () => {
      const source = await from.open();
      onTestFinished(() => source.close());
      for (const [id, name] of FIRST) await source.put(id, name);
      const target = await to.open();
      onTestFinished(() => target.close());
      const ends = { source: source.source, sink: target.sink, dataType: to.dataType };
      const pipeline = new DirectPipeline('', '', ends);
      onTestFinished(() => pipeline.close());
      return { source, target, pipeline };
    };
    const same = async ({ source, target }: Awaited<ReturnType<typeof open>>): Promise<void> => {
      const rows = await source.rows();
      expect(rows.size).toBeGreaterThan(0);
      expect(await target.rows()).toEqual(rows);
    };

    it('what was there is copied, and what changes follows', async () => {
      const all = await open();
      const { source, pipeline } = all;
      await pipeline.start();
      await same(all);
      await source.put('2', 'two');
      await source.put('6', 'six');
      await source.remove('1');
      await source.put('6', null);
      await pipeline.catchUp();
      await same(all);
    });

    it('a copy that is interrupted goes on, under changes too, and ends with what the source holds', async () => {
      const all = await open();
      const { source, pipeline } = all;
      await pipeline.open();
      await pipeline.copy(1);
      await source.put('1', 'another one');
      await source.put('3', 'another three');
      await source.remove('-4');
      await source.put('7', 'seven');
      await pipeline.stop();
      await pipeline.start();
      await source.remove('7');
      await source.put('8', 'eight');
      await pipeline.catchUp();
      await same(all);
    });

    it('changes that came while nobody followed are there after a restart, with a checkpoint and without', async () => {
      const all = await open();
      const { source, pipeline } = all;
      await pipeline.start();
      for (const checkpoint of [false, true]) {
        await source.put('2', `before ${checkpoint}`);
        await pipeline.catchUp();
        if (checkpoint) await pipeline.checkpoint();
        await source.put('3', `unseen ${checkpoint}`);
        await pipeline.stop();
        await source.put('1', `meanwhile ${checkpoint}`);
        await source.remove(checkpoint ? '-4' : '9223372036854775807');
        await pipeline.start();
        await pipeline.catchUp();
        await same(all);
      }
    });

    it('an empty table is there, and takes what comes', async () => {
      const source = await from.open();
      onTestFinished(() => source.close());
      const target = await to.open();
      onTestFinished(() => target.close());
      const ends = { source: source.source, sink: target.sink, dataType: to.dataType };
      const pipeline = new DirectPipeline('', '', ends);
      onTestFinished(() => pipeline.close());
      await pipeline.start();
      expect(await target.rows()).toEqual(NO_ITEMS);
      await source.put('1', 'one');
      await pipeline.catchUp();
      expect(await target.rows()).toEqual(new Map([['1', 'one']]));
    });
  });
}
