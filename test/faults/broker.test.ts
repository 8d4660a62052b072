import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished, test } from 'vitest';
import { DEFAULTS } from '../../shared/config/pipeline-defaults.ts';
import { connectHub } from '../../shared/hub/hub.ts';
import { streamName } from '../../shared/hub/names.ts';
import { usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();
const LANES = DEFAULTS.lanes;

test('a broker that is killed, has lost frames or everything, or comes back with an older store costs a rewind and nothing else', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed, ratePerSecond: 400 });
  await pipeline.untilFollowing();
  const { nats } = pipeline;
  const epoch = () => pipeline.countAtTarget('SELECT reader_epoch FROM weir.pipeline');
  const before = await epoch();
  for (const writer of pipeline.writers) writer.freeze();
  let lost = 0;
  await pipeline.told('enough waits in the lanes to lose some of it', async () => {
    lost += await loseFromTheMiddle(pipeline);
    return lost > LANES;
  });
  for (const writer of pipeline.writers) writer.thaw();
  await pipeline.told('a reader sends them again', async () => (await epoch()) > before);
  await pipeline.progresses();

  await nats.kill('SIGKILL');
  await nats.start();
  await pipeline.progresses();

  const folder = await mkdtemp(path.join(tmpdir(), 'weir-older-store-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  // The target stands still, so that only the source still has what the broker held.
  pipeline.wires.target.hold();
  await sleep(2_000);
  await nats.kill('SIGTERM');
  // Frames are in it that nobody will need any more, and leases of long ago.
  await cp(nats.storeDirectory, folder, { recursive: true });
  await nats.wipe();
  pipeline.wires.target.release();
  await pipeline.progresses();

  await nats.kill('SIGKILL');
  await rm(nats.storeDirectory, { recursive: true });
  await cp(folder, nats.storeDirectory, { recursive: true });
  await nats.start();
  await pipeline.progresses();
  await pipeline.finish();
});

/** A request that is open may still bring so many. */
const ON_THEIR_WAY = 4;

/** Of each lane some messages that no writer has got or asked for; returns how many. */
async function loseFromTheMiddle({ nats, name }: FaultPipeline): Promise<number> {
  const hub = await connectHub({ url: nats.url, name: 'faults' });
  try {
    const jsm = await hub.control.jetstreamManager();
    let lost = 0;
    for (let lane = 0; lane < LANES; lane++) {
      const stream = streamName(name, 'lane', lane);
      const consumers = await jsm.consumers.list(stream).next();
      const got = Math.max(...consumers.map(({ delivered }) => delivered.stream_seq));
      const from = got + ON_THEIR_WAY + 1;
      const { last_seq: last } = (await jsm.streams.info(stream)).state;
      for (let seq = from; seq < Math.min(last - 1, from + 6); seq++)
        if (await jsm.streams.deleteMessage(stream, seq).catch(() => false)) lost++;
    }
    return lost;
  } finally {
    await hub.close();
  }
}
