import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { connectHub } from '../../shared/hub/hub.ts';
import { streamName } from '../../shared/hub/names.ts';
import { usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();
const LANES = 8;

test('frames that the broker has lost from the middle of a lane are missed, and sent again', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed, ratePerSecond: 400 });
  await pipeline.untilFollowing();
  const epoch = () => pipeline.countAtTarget('SELECT reader_epoch FROM weir.pipeline');
  const before = await epoch();
  for (const writer of pipeline.writers) writer.freeze();
  await sleep(2_000);
  expect(await loseFromTheMiddle(pipeline)).toBeGreaterThan(LANES);
  for (const writer of pipeline.writers) writer.thaw();
  await pipeline.told('a reader sends them again', async () => (await epoch()) > before);
  await pipeline.progresses();
  await pipeline.finish();
});

/** Of each lane some messages that no writer has asked for yet; returns how many. */
async function loseFromTheMiddle({ nats, name }: FaultPipeline): Promise<number> {
  const hub = await connectHub({ url: nats.url, name: 'faults' });
  try {
    const jsm = await hub.control.jetstreamManager();
    let lost = 0;
    for (let lane = 0; lane < LANES; lane++) {
      const stream = streamName(name, 'lane', lane);
      const { first_seq: first, last_seq: last } = (await jsm.streams.info(stream)).state;
      for (let seq = first + 12; seq < Math.min(last - 3, first + 18); seq++, lost++)
        await jsm.streams.deleteMessage(stream, seq);
    }
    return lost;
  } finally {
    await hub.close();
  }
}
