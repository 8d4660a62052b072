import { onTestFinished } from 'vitest';
import { readCatalog, relationPlanOf } from '../../services/connectors/postgres/catalog/catalog.ts';
import { readStandaloneSequences } from '../../services/connectors/postgres/catalog/standalone-sequences.ts';
import { connect } from '../../services/connectors/postgres/connection/connection.ts';
import type { SinkOptions } from '../../shared/connector/end-options.ts';
import { queryPostgres, type TestPostgres } from './servers.ts';
import { SinkPipeline } from './sink-pipeline.ts';

export interface CheckedPair {
  sourceUrl: string;
  targetUrl: string;
  pipeline: SinkPipeline;
  /** What the target's check finds, without what is well: `level subject: message`. */
  check: () => Promise<string[]>;
}

/** Two new databases with what `atSource` and `atTarget` make in them, and a sink between them. */
export async function checkedPair(
  source: TestPostgres,
  target: TestPostgres,
  { atSource, atTarget = '', ...options }: Partial<SinkOptions> & { atSource: string; atTarget?: string }, // prettier-ignore
): Promise<CheckedPair> {
  const sourceUrl = await source.createDatabase();
  const targetUrl = await target.createDatabase();
  await queryPostgres(sourceUrl, atSource);
  await queryPostgres(targetUrl, atTarget);
  const pipeline = await SinkPipeline.create(sourceUrl, targetUrl, options);
  onTestFinished(() => pipeline.close());
  const check = async (): Promise<string[]> => {
    const client = await connect(sourceUrl, { applicationName: 'test' });
    const { tables } = await readCatalog(client, undefined);
    const { named } = await readStandaloneSequences(client, undefined);
    await client.end();
    const besides = named.map(({ definition }) => definition);
    const findings = await pipeline.sink.check(tables.map(relationPlanOf), besides);
    return findings.filter(({ level }) => level !== 'ok').map(({ level, subject, message }) => `${level} ${subject}: ${message}`); // prettier-ignore
  };
  return { sourceUrl, targetUrl, pipeline, check };
}
