import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNats, type NatsServerProcess } from '../../services/cli/embedded/nats-server.ts';
import { CHANGE_KINDS } from '../../shared/progress/change-kinds.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { auditedCounts, keepWriting, startCounted } from './counted-pipeline.ts';
import { chooseSeed, strikeAtRandom } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();
let nats: NatsServerProcess;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(async () => {
  await nats.stop();
});

test('what a filter leaves out is counted exactly, whatever process is killed whenever, and the target has the rest', async () => {
  const { pipeline, services, reports } = await startCounted({
    source,
    target,
    natsUrl: nats.url,
    spec: {
      transforms: [{ filter: 'row.n % 2 == 0' }, { set: { half: { cel: 'row.n / 2' } } }],
    },
    more: ['transformer', 'transformer'],
  });
  await reports('that it follows', ({ state }) => state === 'following' || state === 'idle');
  const writing = keepWriting(pipeline.sourceUrl, seed);
  const kill = services.map((service, i) => ({
    name: `${service.name} ${i}`,
    strike: () => service.restart(),
  }));
  await strikeAtRandom(kill, { seed, forMs: 6_000, pauseMs: [400, 1_200] });
  await writing.stop();

  const counted = await auditedCounts(pipeline.sourceUrl);
  const settled = await reports(
    'that nothing is on its way',
    ({ read, inFlight }) => inFlight === 0 && read?.inserts === counted.inserts,
    { timeoutMs: 60_000 },
  );
  expect(settled.read).toEqual(counted);
  expect(settled.difference).toBeNull();
  expect(settled.filtered!.updates).toBeGreaterThan(10);
  for (const kind of CHANGE_KINDS)
    expect(settled.applied![kind] + settled.filtered![kind], kind).toBe(counted[kind]);
  const rows = 'SELECT id, n, n / 2 AS half FROM public.t WHERE n % 2 = 0 ORDER BY id';
  const there = 'SELECT id, n, half FROM public.t ORDER BY id';
  expect(await queryPostgres(pipeline.targetUrl, there.replace('half', 'half::int'))).toEqual(
    await queryPostgres(pipeline.sourceUrl, rows),
  );
});
