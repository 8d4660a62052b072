import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished, test } from 'vitest';
import { usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();

test('a broker that is killed and started again costs a rewind and nothing else', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed });
  await pipeline.untilFollowing();
  for (let round = 0; round < 2; round++) {
    await pipeline.nats.kill('SIGKILL');
    await pipeline.nats.start();
    await pipeline.progresses();
  }
  await pipeline.finish();
});

test('a broker that has lost everything is filled again from where the target stands', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed });
  await pipeline.untilFollowing();
  await pipeline.nats.wipe();
  await pipeline.progresses();
  // The target has been standing still, so that only the source still has what the broker held.
  pipeline.wires.target.hold();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await pipeline.nats.wipe();
  pipeline.wires.target.release();
  await pipeline.progresses();
  await pipeline.finish();
});

test('a broker that comes back with an older store is not believed', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed });
  await pipeline.untilFollowing();
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-older-store-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { nats } = pipeline;
  // Frames are in it that nobody will need any more, and leases of long ago.
  pipeline.wires.target.hold();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await nats.kill('SIGTERM');
  await cp(nats.storeDirectory, folder, { recursive: true });
  pipeline.wires.target.release();
  await nats.start();
  await pipeline.progresses();
  await nats.kill('SIGKILL');
  await rm(nats.storeDirectory, { recursive: true });
  await cp(folder, nats.storeDirectory, { recursive: true });
  await nats.start();
  await pipeline.progresses();
  await pipeline.finish();
});
