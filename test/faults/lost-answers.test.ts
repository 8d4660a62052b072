import { test } from 'vitest';
import { usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();

/** The tag of CommandComplete: the target has committed when it writes this. */
const COMMITTED = Buffer.from('COMMIT\0');

test('what the target committed without its answer coming through is not written again', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed });
  await pipeline.untilFollowing();
  for (let round = 0; round < 2; round++) {
    pipeline.wires.target.loseAnswers(COMMITTED, 6);
    await pipeline.told(
      'the answers are lost',
      async () => pipeline.wires.target.answersToLose === 0,
    );
    await pipeline.progresses();
  }
  await pipeline.finish();
});
