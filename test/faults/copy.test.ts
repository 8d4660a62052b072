import { expect, test } from 'vitest';
import { countRows, rowsWritten } from '../support/shop-pipeline.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';
import { differences } from './end-state.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();
const READERS = 2;
const ROWS = 120_000;

test('a copy killed at several instants goes on where it was, empties nothing and loses no row whose key moves', async () => {
  const pipeline = await FaultPipeline.start({
    source,
    target,
    seed,
    spec: { readers: READERS },
    before: (url) =>
      queryPostgres(
        url,
        `CREATE TABLE faults.wide (id bigint PRIMARY KEY, filler text, large text);
         ALTER TABLE faults.wide ALTER large SET STORAGE EXTERNAL;
         INSERT INTO faults.wide SELECT i, repeat(md5(i::text), 32),
           CASE WHEN i > ${ROWS - 100} THEN repeat(md5(i::text), 100) END FROM generate_series(1, ${ROWS}) i`,
      ),
  });
  // Slower than loopback, so that there is a middle to be killed in.
  pipeline.wires.source.delayMs = 2;
  const chunks = `SELECT count(*) FROM weir.chunk WHERE namespace = 'faults.wide'`;
  const victims = [
    () => pipeline.services,
    () => [pipeline.reader],
    () => pipeline.writers,
    () => pipeline.services,
  ];
  const files = new Set<number>();
  for (const [round, victim] of victims.entries()) {
    await pipeline.told(
      `${round + 1} chunks are in`,
      async () => (await pipeline.countAtTarget(`${chunks} AND done`)) >= round + 1,
    );
    files.add(await pipeline.countAtTarget(`SELECT pg_relation_filenode('faults.wide')::bigint`));
    // In the last range, which is read under a later snapshot: a row takes over the key of one that was deleted, and
    // the log does not hold its large value.
    const freed = ROWS - 10 * round;
    await queryPostgres(
      pipeline.sourceUrl,
      `DELETE FROM faults.wide WHERE id = ${freed}; UPDATE faults.wide SET id = ${freed} WHERE id = ${freed - 1}`,
    );
    const done = await pipeline.countAtTarget(`${chunks} AND done`);
    await Promise.all(victim().map((service) => service.restart()));
    expect(await pipeline.countAtTarget(`${chunks} AND done`)).toBeGreaterThanOrEqual(done);
  }
  pipeline.wires.source.delayMs = 0;
  const planned = await pipeline.countAtTarget(chunks);
  await pipeline.untilFollowing();
  files.add(await pipeline.countAtTarget(`SELECT pg_relation_filenode('faults.wide')::bigint`));
  await pipeline.finish();

  expect(await differences(pipeline.sourceUrl, pipeline.targetUrl, ['faults.wide'])).toEqual([]);
  expect(files.size, 'the table was emptied').toBe(1);
  const written = await waitFor('the statistics have arrived', async () => {
    const n = await rowsWritten(pipeline.targetUrl, 'faults', 'wide');
    return n >= ROWS ? n : undefined;
  });
  const perChunk = Math.ceil((ROWS / planned) * 1.25);
  // The rows that changed come a few times.
  expect(written).toBeLessThanOrEqual(ROWS + 100 + victims.length * READERS * perChunk);
  expect(await countRows(pipeline.targetUrl, 'SELECT count(*) FROM faults.wide')).toBe(
    ROWS - victims.length,
  );
});
