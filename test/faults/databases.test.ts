import { test } from 'vitest';
import { usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();

test('databases that are killed, restarted in order, or killed with all services at once are picked up again', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed });
  await pipeline.untilFollowing();
  for (const { server } of [source, target]) {
    await server.kill('SIGKILL');
    await server.start();
    await pipeline.progresses();
    await server.restart();
    await pipeline.progresses();
  }
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
