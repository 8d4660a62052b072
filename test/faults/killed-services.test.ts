import { expect, test } from 'vitest';
import { usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed, strikeAtRandom } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();

test('nothing is lost and nothing comes twice while services are killed, one by one and all at once, and that of a writer costs no rewind', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed });
  await pipeline.untilFollowing();
  const kill = pipeline.services.map((service, i) => ({
    name: `${service.name} ${i}`,
    strike: () => service.restart(),
  }));

  // The broker has what a writer had not committed.
  const epoch = () => pipeline.countAtTarget('SELECT reader_epoch FROM weir.pipeline');
  const before = await epoch();
  await strikeAtRandom(kill.slice(1), { seed, forMs: 7_000, pauseMs: [300, 1_200] });
  await pipeline.progresses();
  expect(await epoch()).toBe(before);

  const struck = await strikeAtRandom(kill, { seed, forMs: 12_000, pauseMs: [700, 2_000] });
  expect(pipeline.kills).toBeGreaterThan(5);
  expect(struck.size).toBeGreaterThan(1);
  const recoveries: number[] = [];
  for (let round = 0; round < 2; round++) {
    await Promise.all(pipeline.services.map((service) => service.restart()));
    recoveries.push(Math.round(await pipeline.progresses()));
  }
  process.stdout.write(
    `faults: from the kill of all to changes in every lane ${recoveries.join(', ')} ms\n`,
  );
  await pipeline.finish();
});
