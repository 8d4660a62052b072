import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createRandom } from '../../services/cli/demo/random.ts';
import { startNats, type NatsServerProcess } from '../../services/cli/embedded/nats-server.ts';
import type { ChangeCounts } from '../../shared/connector/sink.ts';
import type { PipelineReport } from '../../shared/progress/pipeline-report.ts';
import { waitForReport } from '../support/pipeline-report.ts';
import { createPipeline, type TestPipeline } from '../support/shop-pipeline.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import type { WaitOptions } from '../support/wait-for.ts';
import { chooseSeed, strikeAtRandom } from './fault-schedule.ts';
import { FaultService } from './fault-service.ts';

const source = usePostgres();
const target = usePostgres();
let nats: NatsServerProcess;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(async () => {
  await nats.stop();
});

/** The source itself counts what is done to its table; that count is no part of the pipeline. */
const TABLES = `
CREATE TABLE public.t (id int PRIMARY KEY, n int NOT NULL);
CREATE SCHEMA audit;
CREATE TABLE audit.done (kind text PRIMARY KEY, n bigint NOT NULL);
INSERT INTO audit.done VALUES ('INSERT', 0), ('UPDATE', 0), ('DELETE', 0);
CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN UPDATE audit.done SET n = n + 1 WHERE kind = TG_OP; RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON public.t
  FOR EACH ROW EXECUTE FUNCTION audit.note();
`;

test('every change is accounted for exactly, whatever process is killed whenever', async () => {
  const seed = chooseSeed();
  const { pipeline, services, reports } = await startCounted();
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
  const { pipeline, reports } = await startCounted();
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

interface Counted {
  pipeline: TestPipeline;
  services: FaultService[];
  reports: (
    what: string,
    matches: (report: PipelineReport) => boolean,
    options?: WaitOptions,
  ) => Promise<PipelineReport>;
}

async function startCounted(): Promise<Counted> {
  const pipeline = await createPipeline(source, target, {
    lanes: 4,
    source: { namespaces: ['public.t'] },
  });
  await queryPostgres(pipeline.sourceUrl, TABLES);
  const env = { WEIR_NATS_URL: nats.url };
  const names = ['source-reader', 'target-writer', 'target-writer', 'stats'] as const;
  const services = names.map((name) => new FaultService(name, pipeline.file, env));
  onTestFinished(async () => {
    for (const service of services) if (service.running) await service.kill();
  });
  for (const service of services) service.start();
  return {
    pipeline,
    services,
    reports: (what, matches, options) =>
      waitForReport(nats.url, pipeline.name, what, matches, options),
  };
}

/** Small transactions of every kind of change, until stopped. */
function keepWriting(url: string, seed: number): { stop(): Promise<void> } {
  const random = createRandom(seed);
  let stopped = false;
  const run = async (): Promise<void> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    for (let id = 1; !stopped; id++) {
      await client.query('INSERT INTO public.t VALUES ($1, 0)', [id]);
      await client.query('UPDATE public.t SET n = n + 1 WHERE id = $1', [1 + random(id)]);
      if (id % 5 === 0) await client.query('DELETE FROM public.t WHERE id = $1', [1 + random(id)]);
      await sleep(20);
    }
    await client.end();
  };
  const running = run();
  return {
    async stop() {
      stopped = true;
      await running;
    },
  };
}

async function auditedCounts(url: string): Promise<ChangeCounts> {
  const rows = await queryPostgres(url, 'SELECT kind, n::int FROM audit.done');
  const of = (kind: string): number => Number(rows.find((row) => row['kind'] === kind)?.['n']);
  return { inserts: of('INSERT'), updates: of('UPDATE'), deletes: of('DELETE'), truncates: 0 };
}
