import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  startNats,
  type NatsServerProcess,
} from '../../services/supervisor/embedded/nats-server.ts';
import type { ParkedEntry } from '../../shared/connector/parking.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import { CHANGE_KINDS } from '../../shared/progress/change-kinds.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { useWeir } from '../support/weir-process.ts';
import { auditedCounts, keepWriting, startCounted } from './counted-pipeline.ts';
import { chooseSeed, strikeAtRandom } from './fault-schedule.ts';

const source = usePostgres();
const target = usePostgres();
const weir = useWeir();
const seed = chooseSeed();
let nats: NatsServerProcess;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(async () => {
  await nats.stop();
});

const filter = { filter: 'row.n % 2 == 0' };
const failing = { set: { half: { cel: 'row.n / (row.id % 5 == 3 ? 0 : 2)' } } };
const mended = { set: { half: { cel: 'row.n / 2' } } };

test('what a filter leaves out and what a step fails for is counted exactly, whatever process is killed whenever, and a replay by mended steps brings the rest', async () => {
  const { pipeline, services, reports } = await startCounted({
    source,
    target,
    natsUrl: nats.url,
    spec: { onBadRow: 'park', transforms: [filter, failing] },
    more: ['transformer', 'transformer'],
    copied: 'INSERT INTO public.t SELECT i + 100000, i FROM generate_series(1, 100) i',
  });
  const parked = (...args: string[]) =>
    weir.run(['parked', args[0]!, pipeline.name, ...args.slice(1)], {
      env: { WEIR_NATS_URL: nats.url, XDG_STATE_HOME: '/nonexistent' },
    });
  await reports('that it follows', ({ state }) => state === 'following' || state === 'idle');
  const writing = keepWriting(pipeline.sourceUrl, seed);
  const kill = services.map((service, i) => ({
    name: `${service.name} ${i}`,
    strike: () => service.restart(),
  }));
  // It is refused again.
  const replay = { name: 'replay', strike: () => parked('replay', '--all').then(() => undefined) };
  await strikeAtRandom([...kill, replay], { seed, forMs: 6_000, pauseMs: [400, 1_200] });
  await writing.stop();

  const counted = await auditedCounts(pipeline.sourceUrl);
  const settled = () =>
    reports(
      'that nothing is on its way',
      ({ read, inFlight }) => inFlight === 0 && read?.inserts === counted.inserts,
      { timeoutMs: 60_000 },
    );
  const first = await settled();
  expect(first.read).toEqual(counted);
  expect(first.difference).toBeNull();
  expect(first.filtered!.updates).toBeGreaterThan(10);
  expect(first.parked).toBeGreaterThan(10);
  const sum = (counts: ChangeCounts) => CHANGE_KINDS.reduce((all, kind) => all + counts[kind], 0);
  expect(sum(first.applied!) + sum(first.filtered!) + first.parked!).toBe(sum(counted));
  const entries = JSON.parse((await parked('list', '--json')).stdout) as ParkedEntry[];
  const failed = entries.filter(({ untransformed }) => untransformed);
  expect(failed.filter(({ copied }) => copied)).toHaveLength(10);
  for (const { key, reason } of failed) {
    expect(Number(key!['id']) % 5, JSON.stringify(key)).toBe(3);
    expect(reason).toMatch(/^step 2 \(set\): .*division by zero/);
  }

  const spec = JSON.parse(await readFile(pipeline.file, 'utf8')) as object;
  await writeFile(pipeline.file, JSON.stringify({ ...spec, transforms: [filter, mended] }));
  for (const service of services) await service.restart();
  await reports('that it follows', ({ state }) => state === 'following' || state === 'idle');
  const replayed = await parked('replay', '--all');
  expect(replayed.code, replayed.stdout + replayed.stderr).toBe(0);
  const last = await reports('that nothing is parked', ({ parkedEntries }) => parkedEntries === 0);
  expect(sum(last.applied!) + sum(last.filtered!)).toBe(sum(counted));
  const rows = 'SELECT id, n, n / 2 AS half FROM public.t WHERE n % 2 = 0 ORDER BY id';
  const there = 'SELECT id, n, half::int FROM public.t ORDER BY id';
  expect(await queryPostgres(pipeline.targetUrl, there)).toEqual(
    await queryPostgres(pipeline.sourceUrl, rows),
  );
});
