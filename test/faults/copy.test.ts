import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { expect, test } from 'vitest';
import { openDatabase } from '../../infra/demo/database.ts';
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
const ROWS = 80_000;
const AHEAD_MS = 3_000;

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
    if (round < victims.length - 1) await Promise.all(victim().map((service) => service.restart()));
    else await restartAheadOfLanes(pipeline, `${chunks} AND NOT done`);
    expect(await pipeline.countAtTarget(`${chunks} AND done`)).toBeGreaterThanOrEqual(done);
  }
  pipeline.wires.source.delayMs = 0;
  const planned = await pipeline.countAtTarget(chunks);
  await pipeline.untilFollowing();
  files.add(await pipeline.countAtTarget(`SELECT pg_relation_filenode('faults.wide')::bigint`));
  await pipeline.finish();
  const read = await countRows(
    pipeline.sourceUrl,
    `SELECT seq_tup_read FROM pg_stat_user_tables WHERE relid = 'faults.wide'::regclass`,
  );

  expect(await differences(pipeline.sourceUrl, pipeline.targetUrl, ['faults.wide'])).toEqual([]);
  expect(files.size, 'the table was emptied').toBe(1);
  const written = await waitFor('the statistics have arrived', async () => {
    const n = await rowsWritten(pipeline.targetUrl, 'faults', 'wide');
    return n >= ROWS ? n : undefined;
  });
  const again = (rows: number): string => ((rows / ROWS - 1) * planned).toFixed(1);
  process.stdout.write(
    `faults: ${pipeline.kills} kills in a copy of ${planned} chunks: ${again(read)} chunks read again, ${again(written)} written again\n`,
  );
  const perChunk = Math.ceil((ROWS / planned) * 1.25);
  // The rows that changed come a few times.
  expect(written).toBeLessThanOrEqual(ROWS + 100 + victims.length * READERS * perChunk);
  expect(await countRows(pipeline.targetUrl, 'SELECT count(*) FROM faults.wide')).toBe(
    ROWS - victims.length,
  );
});

/**
 * All services begin again while no lane can commit, so that what the new snapshot shows is long there before the lanes
 * have come to it: it has to wait for them.
 */
async function restartAheadOfLanes(pipeline: FaultPipeline, missing: string): Promise<void> {
  const epochs = () => pipeline.logged(({ msg }) => msg === 'reader epoch began').length;
  const before = epochs();
  await Promise.all(pipeline.services.map((service) => service.kill()));
  // What is left in the lanes would be applied, and wait, before the reader has begun.
  await pipeline.nats.wipe();
  pipeline.wires.source.delayMs = 0;
  const client = await openDatabase(pipeline.targetUrl);
  try {
    await waitFor('the sessions of the dead are gone', () => untilAlone(client));
    await client.query('BEGIN; LOCK TABLE weir.count IN EXCLUSIVE MODE');
    for (const service of pipeline.services) service.start();
    await pipeline.told('a reader begins', () => Promise.resolve(epochs() > before));
    const endMs = performance.now() + AHEAD_MS;
    while (performance.now() < endMs && (await pipeline.countAtTarget(missing)) > 0)
      await sleep(100);
  } finally {
    await client.end();
  }
}

async function untilAlone(client: pg.Client): Promise<true | undefined> {
  const { rows } = await client.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'weir%' AND pid <> pg_backend_pid()`,
  );
  return rows[0]?.n === 0 ? true : undefined;
}
