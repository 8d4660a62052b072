import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  startNats,
  type NatsServerProcess,
} from '../../services/supervisor/embedded/nats-server.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { auditedCounts, keepWriting, startCounted } from './counted-pipeline.ts';
import { chooseSeed, strikeAtRandom } from './fault-schedule.ts';
import { compareLag, type LagSample, meanOf } from './seen-from-outside.ts';

const source = usePostgres();
const target = usePostgres();
let nats: NatsServerProcess;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(async () => {
  await nats.stop();
});

/** A target that waits for each row, as for a disk or a network far away. */
const SLOW = `
CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.slow();
ALTER TABLE public.t ENABLE ALWAYS TRIGGER slow`;

test('every change is accounted for exactly, whatever process is killed whenever; idle, behind, stuck and unbalanced are told apart, and the lag is what is seen from outside', async () => {
  const seed = chooseSeed();
  const natsUrl = nats.url;
  const { pipeline, services, reports } = await startCounted({ source, target, natsUrl });
  const { sourceUrl, targetUrl, name } = pipeline;
  const idle = await reports('that the source is idle', ({ state }) => state === 'idle', {
    timeoutMs: 90_000,
  });
  expect(idle).toMatchObject({ inFlight: 0, difference: null, appliedPerSecond: 0 });

  const writing = keepWriting(sourceUrl, seed);
  const kill = services.map((service, i) => ({
    name: `${service.name} ${i}`,
    strike: () => service.restart(),
  }));
  await strikeAtRandom(kill, { seed, forMs: 8_000, pauseMs: [500, 1_500] });
  await writing.stop();
  const written = await auditedCounts(sourceUrl);
  expect(written.inserts).toBeGreaterThan(100);
  const balanced = await reports(
    'that nothing is on its way',
    ({ read, inFlight }) => inFlight === 0 && read?.inserts === written.inserts,
    { timeoutMs: 60_000 },
  );
  expect(balanced.read).toEqual(written);
  expect(balanced.applied).toEqual(written);
  expect(balanced.difference).toBeNull();
  expect(balanced.namespaces).toMatchObject([{ namespace: 'public.t', applied: written }]);

  await queryPostgres(targetUrl, SLOW);
  const behind = reports('that it is behind', ({ state }) => state === 'behind', {
    timeoutMs: 90_000,
  });
  const late = (all: readonly LagSample[]) => all.filter(({ seenMs }) => seenMs > 6_000);
  const samples = await compareLag(
    { sourceUrl, targetUrl, natsUrl, pipeline: name },
    1_000_000,
    (all) => late(all).length >= 10,
    AbortSignal.timeout(120_000),
  );
  expect((await behind).reason).toMatch(/arrive .* late, \d+ are in flight/);
  const seenMs = meanOf(late(samples).map((sample) => sample.seenMs));
  const toldMs = meanOf(late(samples).map((sample) => sample.toldMs));
  process.stdout.write(
    `faults: lag told ${Math.round(toldMs)} ms, seen ${Math.round(seenMs)} ms\n`,
  );
  expect(Math.abs(toldMs - seenMs)).toBeLessThan(seenMs / 10);

  const writers = services.filter((service) => service.name === 'target-writer');
  for (const writer of writers) await writer.kill();
  await queryPostgres(targetUrl, 'DROP TRIGGER slow ON public.t');
  const stuck = await reports('that it is stuck', ({ state }) => state === 'stuck', {
    timeoutMs: 90_000,
  });
  expect(stuck.reason).toMatch(/changes wait, .* no target-writer is connected; start one/);
  expect(stuck.lanes.map(({ owner }) => owner)).toEqual([null, null, null, null]);

  for (const writer of writers) writer.start();
  const counted = await auditedCounts(sourceUrl);
  const settled = await reports(
    'that it caught up',
    ({ inFlight, applied }) => inFlight === 0 && applied?.inserts === counted.inserts,
    { timeoutMs: 90_000 },
  );
  expect(settled.difference).toBeNull();

  // Somebody meddles with the target's own record: what it accounts for is less than what was read.
  await queryPostgres(targetUrl, 'DELETE FROM weir.count');
  const unbalanced = await reports('that it is unbalanced', ({ state }) => state === 'unbalanced', {
    timeoutMs: 90_000,
  });
  expect(unbalanced.difference).toMatchObject({ namespace: 'public.t', settled: 0 });
  expect(unbalanced.reason).toMatch(/public\.t: \d+ inserts were read and 0 are accounted for/);
}, 300_000);
