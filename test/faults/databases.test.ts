import { test } from 'vitest';
import { usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();

test.each([
  ['source', source],
  ['target', target],
])('a %s that is killed, and later restarted in order, is picked up again', async (_, end) => {
  const pipeline = await FaultPipeline.start({ source, target, seed });
  await pipeline.untilFollowing();
  await end.server.kill('SIGKILL');
  await end.server.start();
  await pipeline.progresses();
  await end.server.restart();
  await pipeline.progresses();
  await pipeline.finish();
});

test('both databases and all services killed at once come back without a hand', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed });
  await pipeline.untilFollowing();
  await Promise.all([
    source.server.kill('SIGKILL'),
    target.server.kill('SIGKILL'),
    pipeline.nats.kill('SIGKILL'),
    ...pipeline.services.map((service) => service.kill()),
  ]);
  await Promise.all([source.server.start(), target.server.start(), pipeline.nats.start()]);
  for (const service of pipeline.services) service.start();
  await pipeline.progresses();
  await pipeline.finish();
});
