import { expect, test } from 'vitest';
import { usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed, strikeAtRandom } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();

test('nothing is lost and nothing comes twice while reader and writers are killed at random', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed });
  await pipeline.untilFollowing();
  const kill = pipeline.services.map((service, i) => ({
    name: `${service.name} ${i}`,
    strike: () => service.restart(),
  }));
  const struck = await strikeAtRandom(kill, { seed, forMs: 20_000, pauseMs: [700, 2_500] });
  expect(pipeline.kills).toBeGreaterThan(5);
  expect(struck.size).toBeGreaterThan(1);
  await pipeline.finish();
});

test('a writer that is killed costs no rewind: the broker has what it had not committed', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed: seed + 2 });
  await pipeline.untilFollowing();
  const epoch = () => pipeline.countAtTarget('SELECT reader_epoch FROM weir.pipeline');
  const before = await epoch();
  const kill = pipeline.writers.map((writer, i) => ({
    name: `writer ${i}`,
    strike: () => writer.restart(),
  }));
  await strikeAtRandom(kill, { seed, forMs: 8_000, pauseMs: [300, 1_200] });
  await pipeline.progresses();
  expect(await epoch()).toBe(before);
  await pipeline.finish();
});

test('all services killed at once, again and again, go on where the target stands', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed: seed + 1 });
  await pipeline.untilFollowing();
  const recoveries: number[] = [];
  for (let round = 0; round < 3; round++) {
    await Promise.all(pipeline.services.map((service) => service.restart()));
    recoveries.push(Math.round(await pipeline.progresses()));
  }
  process.stdout.write(
    `faults: from the kill of all to changes in every lane ${recoveries.join(', ')} ms\n`,
  );
  await pipeline.finish();
});
