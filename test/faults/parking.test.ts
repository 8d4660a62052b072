import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createRandom } from '../../infra/demo/random.ts';
import { connectHub } from '../../shared/hub/hub.ts';
import { askTarget } from '../../shared/hub/ask.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { useWeir } from '../support/weir-process.ts';
import { differences } from './end-state.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { chooseSeed, strikeAtRandom } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const weir = useWeir();
const seed = chooseSeed();

const KEYS = 200;
const TABLE = 'CREATE TABLE faults.poison (id int PRIMARY KEY, n int NOT NULL, times int NOT NULL)';

test('refused rows are parked, replayed and counted once while the writers are killed', async () => {
  const pipeline = await FaultPipeline.start({
    source,
    target,
    seed,
    ratePerSecond: 100,
    spec: { onBadRow: 'park', lanes: 4 },
    before: async (sourceUrl, targetUrl) => {
      await queryPostgres(
        sourceUrl,
        `${TABLE}; INSERT INTO faults.poison SELECT i, i % 50, 0 FROM generate_series(1, ${KEYS}) i`,
      );
      await queryPostgres(targetUrl, `${TABLE}; ALTER TABLE faults.poison ADD CHECK (n <> 7)`);
    },
  });
  const weirParked = (...args: string[]) =>
    weir.run(['parked', args[0]!, pipeline.name, ...args.slice(1)], {
      env: { WEIR_NATS_URL: pipeline.nats.url, XDG_STATE_HOME: '/nonexistent' },
    });
  await pipeline.untilFollowing();
  const inCopy = await pipeline.countAtTarget('SELECT count(*) FROM weir.parked WHERE copied');
  expect(inCopy).toBe(KEYS / 50);

  const writing = new AbortController();
  const writer = poison(pipeline.sourceUrl, writing.signal);
  const victims = [
    ...pipeline.writers.map((service, i) => ({
      name: `writer ${i}`,
      strike: () => service.restart(),
    })),
    // Two who replay at once, refused again for the most part.
    {
      name: 'replay',
      strike: async () => {
        await Promise.all([weirParked('replay', '--all'), weirParked('replay', '--all')]);
      },
    },
  ];
  const struck = await strikeAtRandom(victims, { seed, forMs: 7_000, pauseMs: [300, 1_200] });
  // On a full machine one strike may take all the time there is.
  expect(struck.size).toBeGreaterThan(0);
  writing.abort();
  const updates = await writer;
  await pipeline.progresses();

  expect(await pipeline.countAtTarget('SELECT count(*) FROM weir.parked')).toBeGreaterThan(inCopy);
  const counted = await poisonCounts(pipeline);
  expect(counted.applied.updates + counted.parked.updates).toBe(updates);
  expect(counted.applied.inserts + counted.parked.inserts).toBe(0);

  await queryPostgres(
    pipeline.targetUrl,
    'ALTER TABLE faults.poison DROP CONSTRAINT poison_n_check',
  );
  const replay = await weirParked('replay', '--all');
  expect(replay.code, replay.stdout + replay.stderr).toBe(0);
  expect((await poisonCounts(pipeline)).applied.updates).toBe(updates);
  await pipeline.finish();
  expect(await differences(pipeline.sourceUrl, pipeline.targetUrl, ['faults.poison'])).toEqual([]);
});

/** Changes rows, some to what the target refuses, until aborted; gives how many updates of rows that were. */
async function poison(url: string, signal: AbortSignal): Promise<number> {
  const random = createRandom(seed);
  let updates = 0;
  while (!signal.aborted) {
    const ids = [...new Set(Array.from({ length: 6 }, () => 1 + random(KEYS)))];
    const n = random(4) === 0 ? 7 : 8;
    await queryPostgres(
      url,
      'UPDATE faults.poison SET n = $1, times = times + 1 WHERE id = ANY($2::int[])',
      [n, ids],
    );
    updates += ids.length;
    await sleep(150);
  }
  return updates;
}

async function poisonCounts(pipeline: FaultPipeline) {
  const hub = await connectHub({ url: pipeline.nats.url, name: 'faults' });
  try {
    const none = { inserts: 0, updates: 0, deletes: 0, truncates: 0 };
    const progress = await askTarget(hub.control, pipeline.name, { op: 'progress' });
    return {
      applied: progress?.applied['faults.poison'] ?? none,
      parked: progress?.parked['faults.poison'] ?? none,
    };
  } finally {
    await hub.close();
  }
}
