import { expect, it } from 'vitest';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = usePostgres();
const weir = useWeir();

it('copies with several readers into one lane, each chunk whole and once', async () => {
  const pipeline = await createPipeline(source, target, { lanes: 1, readers: 4 });
  await queryPostgres(
    pipeline.sourceUrl,
    `CREATE TABLE wide (id int PRIMARY KEY, body text);
     INSERT INTO wide SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 60000) i`,
  );
  const { code, stderr } = await weir.run(['run', pipeline.file, '--until', 'caught-up'], {
    env: { WEIR_LOG_LEVEL: 'info' },
  });
  expect(code, stderr).toBe(0);
  expect(stderr).not.toMatch(/cut short/);
  const [copied] = await queryPostgres(pipeline.targetUrl, 'SELECT count(*)::int AS n FROM wide');
  expect(copied).toEqual({ n: 60_000 });
}, 60_000);
