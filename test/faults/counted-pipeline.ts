import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { createRandom } from '../../infra/demo/random.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import type { PipelineReport } from '../../shared/progress/pipeline-report.ts';
import { waitForReport } from '../support/pipeline-report.ts';
import { createPipeline, type TestPipeline } from '../support/shop-pipeline.ts';
import { queryPostgres, type TestPostgres } from '../support/servers.ts';
import type { WaitOptions } from '../support/wait-for.ts';
import { FaultService, type ServiceName } from './fault-service.ts';

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

export interface Counted {
  pipeline: TestPipeline;
  services: FaultService[];
  reports: (
    what: string,
    matches: (report: PipelineReport) => boolean,
    options?: WaitOptions,
  ) => Promise<PipelineReport>;
}

export interface CountedOptions {
  source: TestPostgres;
  target: TestPostgres;
  natsUrl: string;
  /** Whatever else the pipeline file should say, and the services that it needs besides the common ones. */
  spec?: object;
  more?: readonly ServiceName[];
  /** Rows that are there before, so that they come with the copy. */
  copied?: string;
}

/** Its services run until the test ends. */
export async function startCounted({
  source,
  target,
  natsUrl,
  spec = {},
  more = [],
  copied = '',
}: CountedOptions): Promise<Counted> {
  const pipeline = await createPipeline(source, target, {
    lanes: 4,
    source: { namespaces: ['public.t'] },
    ...spec,
  });
  // Not counted by the trigger, since they are no changes.
  const before = `SET session_replication_role = replica; ${copied}`;
  await queryPostgres(pipeline.sourceUrl, `${TABLES}; ${before}`);
  const env = { WEIR_NATS_URL: natsUrl };
  const names = ['source-reader', 'target-writer', 'target-writer', 'stats', ...more] as const;
  const services = names.map((name) => new FaultService(name, pipeline.file, env));
  onTestFinished(async () => {
    for (const service of services) if (service.running) await service.kill();
  });
  for (const service of services) service.start();
  return {
    pipeline,
    services,
    reports: (what, matches, options) =>
      waitForReport(natsUrl, pipeline.name, what, matches, options),
  };
}

/** Small transactions of every kind of change, until stopped. */
export function keepWriting(url: string, seed: number): { stop(): Promise<void> } {
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

export async function auditedCounts(url: string): Promise<ChangeCounts> {
  const rows = await queryPostgres(url, 'SELECT kind, n::int FROM audit.done');
  const of = (kind: string): number => Number(rows.find((row) => row['kind'] === kind)?.['n']);
  return { inserts: of('INSERT'), updates: of('UPDATE'), deletes: of('DELETE'), truncates: 0 };
}
