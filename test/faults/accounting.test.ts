import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startNats, type NatsServerProcess } from '../../services/cli/embedded/nats-server.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { auditedCounts, keepWriting, startCounted } from './counted-pipeline.ts';
import { chooseSeed, strikeAtRandom } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
let nats: NatsServerProcess;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(async () => {
  await nats.stop();
});

test('every change is accounted for exactly, whatever process is killed whenever', async () => {
  const seed = chooseSeed();
  const { pipeline, services, reports } = await startCounted({ source, target, natsUrl: nats.url });
  await reports('that it follows', ({ state }) => state === 'following' || state === 'idle');
  const writing = keepWriting(pipeline.sourceUrl, seed);
  const kill = services.map((service, i) => ({
    name: `${service.name} ${i}`,
    strike: () => service.restart(),
  }));
  await strikeAtRandom(kill, { seed, forMs: 8_000, pauseMs: [500, 1_500] });
  await writing.stop();

  const counted = await auditedCounts(pipeline.sourceUrl);
  expect(counted.inserts).toBeGreaterThan(100);
  const settled = await reports(
    'that nothing is on its way',
    ({ read, inFlight }) => inFlight === 0 && read?.inserts === counted.inserts,
    { timeoutMs: 60_000 },
  );
  expect(settled.read).toEqual(counted);
  expect(settled.applied).toEqual(counted);
  expect(settled.difference).toBeNull();
  expect(settled.namespaces).toMatchObject([{ namespace: 'public.t', applied: counted }]);
}, 180_000);

test('a target that stands still is behind, then stuck, and late by what a watch outside measures', async () => {
  const { pipeline, reports } = await startCounted({ source, target, natsUrl: nats.url });
  await reports('that it follows', ({ state }) => state === 'following' || state === 'idle');
  const writing = keepWriting(pipeline.sourceUrl, 1);
  await reports('that changes arrive', ({ applied }) => (applied?.inserts ?? 0) > 20);
  const lock = new pg.Client({ connectionString: pipeline.targetUrl });
  await lock.connect();
  onTestFinished(() => lock.end());
  await lock.query('BEGIN; LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE');
  const lockedAtMs = Date.now();

  const behind = await reports('that it is behind', ({ state }) => state === 'behind');
  expect(behind.reason).toMatch(/are on their way/);
  const late = await reports('a long lag', ({ lagMs }) => (lagMs ?? 0) > 22_000);
  const measuredMs = Date.now() - lockedAtMs;
  expect(Math.abs(late.lagMs! - measuredMs)).toBeLessThan(measuredMs / 10);
  const stuck = await reports('that it is stuck', ({ state }) => state === 'stuck', {
    timeoutMs: 60_000,
  });
  // Lanes without changes may have been told of the time until a moment ago.
  expect(stuck.reason).toMatch(/nothing was committed|has committed nothing/);

  await lock.query('ROLLBACK');
  await writing.stop();
  await reports('that it caught up', ({ inFlight }) => inFlight === 0, { timeoutMs: 60_000 });

  // Somebody meddles with the target's own record: what it accounts for is less than what was read.
  await queryPostgres(pipeline.targetUrl, 'DELETE FROM weir.count');
  const unbalanced = await reports('that it is unbalanced', ({ state }) => state === 'unbalanced');
  expect(unbalanced.difference).toMatchObject({ namespace: 'public.t', settled: 0 });
}, 180_000);
