import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed, strikeAtRandom } from './fault-schedule.ts';
import { wireFaults } from './wire-faults.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();

/** The tag of CommandComplete: the target has committed when it writes this. */
const COMMITTED = Buffer.from('COMMIT\0');

test('connections that are cut, refused, slowed down, stopped and half closed at random cost nothing; databases that do not notice let the next one in, and what was committed without its answer coming through is not written again', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed, ratePerSecond: 400 });
  await pipeline.untilFollowing();
  const struck = await strikeAtRandom(wireFaults(pipeline.wires), {
    seed,
    forMs: 16_000,
    pauseMs: [200, 1_000],
  });
  process.stdout.write(`faults: ${[...struck].map((each) => each.join(' ')).join(', ')}\n`);
  await pipeline.progresses();

  pipeline.wires.source.halfClose();
  await pipeline.progresses();

  for (let round = 0; round < 2; round++) {
    pipeline.wires.target.loseAnswers(COMMITTED, 6);
    await pipeline.told(
      'the answers are lost',
      async () => pipeline.wires.target.answersToLose === 0,
    );
    await pipeline.progresses();
  }

  await pipeline.told('the wire stops in the middle of a transaction', () =>
    holdInTransaction(pipeline),
  );
  pipeline.wires.target.halfClose();
  pipeline.wires.target.release();
  // The transaction that the target keeps open does not keep the lane from its owner.
  expect(await pipeline.progresses()).toBeLessThan(60_000);
  await pipeline.finish();
});

async function holdInTransaction({ wires, targetUrl }: FaultPipeline): Promise<boolean> {
  wires.target.hold();
  await sleep(300);
  const [row] = await queryPostgres(
    targetUrl,
    `SELECT count(*)::int AS n FROM pg_stat_activity a JOIN pg_locks l USING (pid)
     WHERE a.datname = current_database() AND a.application_name LIKE 'weir %' AND a.wait_event = 'ClientRead'
       AND l.relation = to_regclass('weir.lane') AND l.mode = 'RowExclusiveLock'`,
  );
  if (Number(row?.['n']) > 0) return true;
  wires.target.release();
  await sleep(200);
  return false;
}
