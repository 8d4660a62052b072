import { expect, it } from 'vitest';
import { TUPLES } from '../../shared/connector/data-type.ts';
import { dumpQuery } from '../support/psql.ts';
import { startReader } from '../support/reader-in-process.ts';
import { queryPostgres, useNats, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import {
  availableValueTables,
  createValueTables,
  expectValuesEqual,
} from '../support/value-rounds.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const nats = useNats();
const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

it('values of every type are copied as they are where both ends speak tuples of text, and the tables are as at the source', async () => {
  const pipeline = await createPipeline(source, target);
  const { sourceUrl, targetUrl } = pipeline;
  const tables = await availableValueTables(sourceUrl, targetUrl);
  await createValueTables(sourceUrl, tables);
  await queryPostgres(
    sourceUrl,
    `CREATE TABLE last (id serial PRIMARY KEY, at timestamptz DEFAULT now(), UNIQUE (at)); INSERT INTO last VALUES (1)`,
  );
  weir.start(['service', 'target-writer', '--pipeline', pipeline.file], {
    env: { WEIR_NATS_URL: nats.url },
  });
  const stop = await startReader({ file: pipeline.file, natsUrl: nats.url, dataType: TUPLES });
  const hasArrived = async (): Promise<boolean> =>
    (await queryPostgres(targetUrl, 'SELECT 1 FROM last')).length > 0 &&
    (await queryPostgres(targetUrl, 'SELECT 1 FROM weir.namespace WHERE NOT ready')).length === 0;
  try {
    await waitFor('the copy', hasArrived, { timeoutMs: 60_000 });
    await expectValuesEqual(pipeline, tables);
  } finally {
    await stop();
  }
  const structure = `SELECT table_name, column_name, column_default, is_nullable, format_type(a.atttypid, a.atttypmod)
    FROM information_schema.columns c JOIN pg_attribute a ON a.attrelid = c.table_name::regclass AND a.attname = c.column_name
    WHERE table_schema = 'public'`;
  const indexes = `SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'`;
  for (const query of [structure, indexes])
    expect(await dumpQuery(targetUrl, query)).toEqual(await dumpQuery(sourceUrl, query));
});
