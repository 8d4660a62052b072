import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed, strikeAtRandom } from './fault-schedule.ts';
import { wireFaults } from './wire-faults.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();

test('connections that are cut, refused, slowed down, stopped and half closed at random cost nothing', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed });
  await pipeline.untilFollowing();
  const struck = await strikeAtRandom(wireFaults(pipeline.wires), {
    seed,
    forMs: 25_000,
    pauseMs: [200, 1_500],
  });
  process.stdout.write(`faults: ${[...struck].map((each) => each.join(' ')).join(', ')}\n`);
  await pipeline.finish();
});

test('a source that does not notice the end of its connections lets the reader in again', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed });
  await pipeline.untilFollowing();
  pipeline.wires.source.halfClose();
  await pipeline.progresses();
  await pipeline.finish();
});

test('a transaction that the target keeps open for a connection long dead does not keep the lane from its owner', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed, ratePerSecond: 500 });
  await pipeline.untilFollowing();
  const { target: wire } = pipeline.wires;
  const waitingInTransaction = async (): Promise<boolean> => {
    wire.hold();
    await sleep(300);
    const [row] = await queryPostgres(
      pipeline.targetUrl,
      `SELECT count(*)::int AS n FROM pg_stat_activity a JOIN pg_locks l USING (pid)
       WHERE a.datname = current_database() AND a.application_name LIKE 'weir %' AND a.wait_event = 'ClientRead'
         AND l.relation = to_regclass('weir.lane') AND l.mode = 'RowExclusiveLock'`,
    );
    if (Number(row?.['n']) > 0) return true;
    wire.release();
    await sleep(200);
    return false;
  };
  await pipeline.told('the wire stops in the middle of a transaction', waitingInTransaction);
  wire.halfClose();
  wire.release();
  expect(await pipeline.progresses()).toBeLessThan(60_000);
  await pipeline.finish();
});
