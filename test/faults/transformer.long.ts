import { expect, test } from 'vitest';
import { usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed, strikeAtRandom } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();

test('nothing is lost and nothing comes twice while transformers are killed, stopped and woken among the others', async () => {
  const tables = ['customers', 'products', 'orders', 'order_items', 'events', 'settings'];
  // What comes out is what went in, so the ends can be compared as they are.
  const on = ['faults.*', ...tables.map((table) => `shop.${table}`)];
  const transforms = [
    { on, set: { passing: { cel: 'source + "!"' } } },
    { on, rename: { passing: 'passed' } },
    { on, drop: ['passed'] },
  ];
  const pipeline = await FaultPipeline.start({
    source,
    target,
    seed,
    transformers: 2,
    spec: { transforms },
  });
  await pipeline.untilFollowing();
  const kill = [...pipeline.transformers, ...pipeline.transformers, ...pipeline.services].map(
    (service, i) => ({ name: `${service.name} ${i}`, strike: () => service.restart() }),
  );
  await strikeAtRandom(kill, { seed, forMs: 12_000, pauseMs: [300, 1_200] });
  expect(pipeline.transformers.reduce((sum, { kills }) => sum + kills, 0)).toBeGreaterThan(3);
  // One that wakes up behind its lease finds that another has its lanes.
  pipeline.transformers[0]!.freeze();
  await pipeline.progresses();
  pipeline.transformers[0]!.thaw();
  await pipeline.progresses();
  await pipeline.finish();
});
