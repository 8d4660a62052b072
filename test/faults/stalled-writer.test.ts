import { expect, test } from 'vitest';
import { connectHub } from '../../shared/hub/hub.ts';
import { leaseBucket } from '../../shared/hub/names.ts';
import { usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();

test('a writer that sleeps longer than its lease is replaced, commits nothing when it wakes up, also of a batch in hand, and says why; a reader goes on', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed, ratePerSecond: 400 });
  await pipeline.untilFollowing();
  const [one, other] = [pipeline.writers[0]!, pipeline.writers[1]!];
  const asleep = one.log.length;
  one.freeze();
  const tookOverMs = Math.round(await pipeline.progresses());
  process.stdout.write(`faults: from the sleep to changes in every lane ${tookOverMs} ms\n`);
  one.thaw();
  await pipeline.told('the writer says that it was replaced', async () =>
    one.log
      .slice(asleep)
      .some(({ code, msg }) => code === 'FENCED' || /^(lease was lost|lane was left)/.test(msg)),
  );
  await pipeline.progresses();
  expect(pipeline.kills).toBe(0);

  await other.sleepAt('changes-ready');
  await pipeline.progresses();
  other.thaw();
  await pipeline.told('the target refuses the batch', async () =>
    other.log.some(({ reason }) => reason?.includes('is no longer at epoch')),
  );

  pipeline.reader.freeze();
  await pipeline.told('the lease of the reader expires', () => hasNoReader(pipeline));
  pipeline.reader.thaw();
  await pipeline.progresses();
  await pipeline.finish();
});

async function hasNoReader({ nats, name }: FaultPipeline): Promise<boolean> {
  const hub = await connectHub({ url: nats.url, name: 'faults' });
  try {
    const leases = await hub.control.jetstream().views.kv(leaseBucket(name), { bindOnly: true });
    return (await leases.get('reader')) === null;
  } finally {
    await hub.close();
  }
}
