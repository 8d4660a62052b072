import { expect, test } from 'vitest';
import { usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();

test('a writer that sleeps longer than its lease is replaced, commits nothing when it wakes up, and says why', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed, ratePerSecond: 400 });
  await pipeline.untilFollowing();
  for (const writer of pipeline.writers) {
    const asleep = writer.log.length;
    writer.freeze();
    const tookOverMs = Math.round(await pipeline.progresses());
    process.stdout.write(`faults: from the sleep to changes in every lane ${tookOverMs} ms\n`);
    writer.thaw();
    await pipeline.told('the writer says that it was replaced', async () =>
      writer.log
        .slice(asleep)
        .some(({ code, msg }) => code === 'FENCED' || /^(lease was lost|lane was left)/.test(msg)),
    );
    await pipeline.progresses();
  }
  expect(pipeline.kills).toBe(0);
  await pipeline.finish();
});

test('a writer that falls asleep with a batch in hand writes nothing of it when it wakes up', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed, ratePerSecond: 400 });
  await pipeline.untilFollowing();
  const writer = pipeline.writers[0]!;
  await writer.sleepAt('changes-ready');
  await pipeline.progresses();
  writer.thaw();
  await pipeline.told('the target refuses the batch', async () =>
    writer.log.some(({ reason }) => reason?.includes('is no longer at epoch')),
  );
  await pipeline.progresses();
  await pipeline.finish();
});

test('a reader that sleeps longer than its lease goes on when it wakes up', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed });
  await pipeline.untilFollowing();
  pipeline.reader.freeze();
  await new Promise((resolve) => setTimeout(resolve, 13_000));
  pipeline.reader.thaw();
  await pipeline.progresses();
  await pipeline.finish();
});
