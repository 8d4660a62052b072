import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed } from './fault-schedule.ts';
import { ResidentWatch } from './resident-watch.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();
const MOST_BYTES = 400 << 20;
const STILL_MS = 10_000;

test('a target that stands still for a while holds the reader back, and fills no memory', async () => {
  const pipeline = await FaultPipeline.start({
    source,
    target,
    seed,
    ratePerSecond: 400,
    // More comes than the lanes take.
    env: { WEIR_LANE_MIB: '8' },
  });
  await pipeline.untilFollowing();
  const memory = new ResidentWatch(pipeline.processes);
  try {
    pipeline.wires.target.hold();
    // A hundred megabytes of changes, in large transactions and beside the small ones.
    const endMs = performance.now() + STILL_MS;
    for (let i = 0; performance.now() < endMs; i++) {
      if (i < 5)
        await queryPostgres(
          pipeline.sourceUrl,
          `INSERT INTO faults.ledger SELECT txid_current(), n, repeat(md5(n::text), 30) FROM generate_series(1, 20000) n`,
        );
      await sleep(500);
    }
    pipeline.wires.target.release();
    await pipeline.progresses(90_000);
  } finally {
    memory.stop();
  }
  await pipeline.finish();
  process.stdout.write(`faults: ${String(memory)}\n`);
  expect(memory.most((name) => name !== 'nats-server')).toBeLessThan(MOST_BYTES);
});
