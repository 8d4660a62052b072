import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { differences } from './end-state.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed } from './fault-schedule.ts';
import { ResidentWatch } from './resident-watch.ts';
import { createStates, STATE_TABLES, StateReader, StateWriter } from './state-witness.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();
const spec = { order: 'transaction' };

test('whoever reads the target sees a state of the source, at every instant, whatever is killed', async () => {
  const pipeline = await FaultPipeline.start({ source, target, seed, spec, before: createStates });
  const states = new StateWriter(pipeline.sourceUrl, seed);
  await pipeline.untilFollowing();
  await pipeline.told(
    'constraints are enforced',
    async () => pipeline.logged(({ msg }) => msg.includes('constraints enforced')).length > 0,
  );
  const reader = new StateReader(pipeline.targetUrl);
  const [one, other] = [pipeline.writers[0]!, pipeline.writers[1]!];
  const dieAtCommit = async (): Promise<void> => {
    await other.kill();
    await one.dieAt('changes-committed');
    other.start();
    one.start();
  };
  for (const strike of [
    () => one.restart(),
    () => pipeline.reader.restart(),
    () => pipeline.nats.wipe(),
    dieAtCommit,
  ]) {
    await strike();
    await pipeline.progresses();
  }
  await states.stop();
  await reader.stop();
  await pipeline.finish();
  expect(await differences(pipeline.sourceUrl, pipeline.targetUrl, STATE_TABLES)).toEqual([]);
  expect(reader.wrong).toEqual([]);
  process.stdout.write(
    `faults: ${states.transactions} transactions, ${reader.seen.size} states seen\n`,
  );
  expect(reader.seen.size).toBeGreaterThan(5);
  // All the while, and for others too.
  await expect(
    queryPostgres(pipeline.targetUrl, 'INSERT INTO whole.orders VALUES (-1, -1, 0)'),
  ).rejects.toThrow(/foreign key/);
});

/** More of them make a run of its own: see CONTRIBUTING.md. */
const ROWS = Number(process.env['WEIR_LARGE_ROWS'] ?? '150000');
const PATIENCE_MS = Math.max(120_000, ROWS / 5);
const LANE_MIB = 8;
const MOST_BYTES = 400 << 20;

test(
  'a transaction of several times the size of its lane comes whole, in bounded memory, whatever is killed in its middle',
  { timeout: 6 * PATIENCE_MS },
  async () => {
    const pipeline = await FaultPipeline.start({
      source,
      target,
      seed,
      spec,
      env: { WEIR_LANE_MIB: String(LANE_MIB) },
      before: (url) =>
        queryPostgres(url, 'CREATE TABLE faults.large (id int PRIMARY KEY, n int, filler text)'),
    });
    await pipeline.untilFollowing();
    const { sourceUrl, targetUrl } = pipeline;
    const memory = new ResidentWatch(pipeline.processes);
    const seen = new Set<string>();
    const over = new AbortController();
    const looking = (async () => {
      while (!over.signal.aborted) {
        const [row] = await queryPostgres(
          targetUrl,
          `SELECT count(*) || ' rows, ' || COALESCE(max(n) - min(n), 0) || ' apart' AS seen FROM faults.large`,
        );
        seen.add(String(row?.['seen']));
        await sleep(200);
      }
    })();
    const inTheMiddle = (count: string): Promise<void> =>
      pipeline.told(
        'the target is in the middle of the transaction',
        async () => (await pipeline.countAtTarget(count)) > 0,
        PATIENCE_MS,
      );
    const grownBy = (mib: number) => `SELECT pg_relation_size('faults.large') / ${mib << 20}`;
    const openForLong = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
      AND application_name LIKE 'weir %' AND backend_xid IS NOT NULL AND xact_start < now() - interval '0.5 s'`;
    try {
      await queryPostgres(
        sourceUrl,
        `INSERT INTO faults.large SELECT i, 0, repeat(md5(i::text), 6) FROM generate_series(1, ${ROWS}) i`,
      );
      await inTheMiddle(grownBy(10));
      await Promise.all(pipeline.writers.map((writer) => writer.restart()));
      await inTheMiddle(grownBy(20));
      await pipeline.nats.wipe();
      await pipeline.progresses(PATIENCE_MS);
      expect(await pipeline.countAtTarget('SELECT count(*) FROM faults.large')).toBe(ROWS);
      tell('inserted', memory);
      await queryPostgres(sourceUrl, 'UPDATE faults.large SET n = 1');
      await inTheMiddle(openForLong);
      await pipeline.reader.restart();
      await pipeline.progresses(PATIENCE_MS);
      tell('updated', memory);
      await queryPostgres(sourceUrl, 'DELETE FROM faults.large WHERE id > 1000');
      await pipeline.progresses(PATIENCE_MS);
    } finally {
      memory.stop();
      over.abort();
      await looking;
    }
    await pipeline.finish();
    expect(await differences(sourceUrl, targetUrl, ['faults.large'])).toEqual([]);
    tell('inserted, updated, deleted', memory);
    // Nothing in between, neither of the insert nor of the update nor of the delete.
    for (const what of [0, ROWS, 1_000]) seen.delete(`${what} rows, 0 apart`);
    expect([...seen]).toEqual([]);
    expect(memory.most((name) => name !== 'nats-server')).toBeLessThan(MOST_BYTES);
  },
);

function tell(what: string, memory: ResidentWatch): void {
  process.stdout.write(`faults: ${ROWS} rows ${what} in a transaction, ${String(memory)}\n`);
}
