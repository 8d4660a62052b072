import { test } from 'vitest';
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
  let lost = 0;
  await pipeline.told('enough waits in the lanes to lose some of it', async () => {
    lost += await loseFromTheMiddle(pipeline);
    return lost > LANES;
  });
  for (const writer of pipeline.writers) writer.thaw();
  await pipeline.told('a reader sends them again', async () => (await epoch()) > before);
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
