import { expect, test } from 'vitest';
import { FAILPOINTS, type Failpoint } from '../../shared/lifecycle/failpoint.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { differences } from './end-state.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();

// Without a key, so that a row that comes twice is seen.
const TABLE = 'faults.added';
const MORE = `INSERT INTO ${TABLE} SELECT i, md5(i::text) FROM generate_series(1, 2000) i`;

test('a death between any two steps loses nothing and does nothing twice', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed, writers: 1 });
  const { sourceUrl, targetUrl, reader } = pipeline;
  const writer = pipeline.writers[0]!;
  const died: Failpoint[] = [];
  const die = async (service: typeof reader, at: Failpoint, by?: () => unknown) => {
    await service.dieAt(at, by);
    died.push(at);
  };
  await pipeline.untilFollowing();
  await queryPostgres(sourceUrl, `CREATE TABLE ${TABLE} (n int, filler text); ${MORE}`);
  await die(reader, 'plan-saved');
  await die(reader, 'lanes-emptied');
  await die(writer, 'chunk-loaded', () => reader.start());
  await die(writer, 'lane-taken');
  await die(writer, 'changes-ready');
  await die(writer, 'changes-committed');
  // One after the other dies at the same barrier.
  await die(writer, 'barrier-reached', () =>
    queryPostgres(sourceUrl, `${MORE}; TRUNCATE ${TABLE}; ${MORE}`),
  );
  await die(writer, 'barrier-carried-out');
  await die(writer, 'barrier-passed');
  writer.start();
  await pipeline.progresses();
  await pipeline.finish();
  expect(await differences(sourceUrl, targetUrl, [TABLE])).toEqual([]);
  expect(died).toEqual(FAILPOINTS);
});
