import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  startNats,
  type NatsServerProcess,
} from '../../services/supervisor/embedded/nats-server.ts';
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

/** Rows that are only ever changed together. */
const TOGETHER = 100;
const PARITY = "row.n % 2 == 0 ? 'public.even' : 'public.odd'";
const BOTH = 'SELECT * FROM public.even UNION ALL SELECT * FROM public.odd';

test.each(['key', 'transaction'] as const)(
  'each row is where its values send it and nowhere else, and is counted once, with order: %s, whatever is killed',
  async (order) => {
    const { pipeline, services, reports } = await startCounted({
      source,
      target,
      natsUrl: nats.url,
      spec: {
        order,
        lanes: order === 'key' ? 4 : 1,
        transforms: [
          { set: { twice: { cel: 'row.n * 2' } } },
          { route: { cel: PARITY, to: ['public.even', 'public.odd'] } },
        ],
      },
      more: ['transformer', 'transformer'],
      copied: `INSERT INTO public.t SELECT i + 100000, 0 FROM generate_series(1, ${TOGETHER}) i`,
    });
    await reports('that it follows', ({ state }) => state === 'following' || state === 'idle');
    const writing = keepWriting(pipeline.sourceUrl, seed);
    const over = new AbortController();
    const together = repeat(over.signal, 60, async () => {
      await queryPostgres(pipeline.sourceUrl, 'UPDATE public.t SET n = n + 1 WHERE id > 100000');
    });
    const seen = new Set<string>();
    const looking = repeat(over.signal, 20, async () => {
      const [row] = await queryPostgres(
        pipeline.targetUrl,
        `SELECT count(*) || ' rows, ' || max(n) - min(n) || ' apart' AS seen FROM (${BOTH}) t WHERE id > 100000`,
      );
      seen.add(String(row!['seen']));
    });
    const kill = services.map((service, i) => ({
      name: `${service.name} ${i}`,
      strike: () => service.restart(),
    }));
    await strikeAtRandom(kill, { seed, forMs: 4_000, pauseMs: [300, 1_000] });
    over.abort();
    await Promise.all([writing.stop(), together, looking]);

    const counted = await auditedCounts(pipeline.sourceUrl);
    const settled = await reports(
      'that nothing is on its way',
      ({ read, inFlight }) => inFlight === 0 && read?.updates === counted.updates,
      { timeoutMs: 60_000 },
    );
    expect(settled.read).toEqual(counted);
    expect(settled.applied).toEqual(counted);
    expect(settled.difference).toBeNull();
    for (const [table, parity] of Object.entries({ even: 0, odd: 1 })) {
      const there = `SELECT id, n, twice::int FROM public.${table} ORDER BY id`;
      const expected = `SELECT id, n, n * 2 AS twice FROM public.t WHERE n % 2 = ${parity} ORDER BY id`;
      expect(await queryPostgres(pipeline.targetUrl, there)).toEqual(
        await queryPostgres(pipeline.sourceUrl, expected),
      );
    }
    if (order === 'transaction') expect([...seen]).toEqual([`${TOGETHER} rows, 0 apart`]);
  },
);

async function repeat(signal: AbortSignal, ms: number, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work();
    await sleep(ms);
  }
}
