import { expect, it } from 'vitest';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = usePostgres();
const weir = useWeir();

const ROWS = 300;
const ROW_BYTES = 1_000_000;
const SUM = 'SELECT count(*)::int AS rows, sum(length(body))::int AS bytes FROM docs';

it('copies a chunk that unpacks to more than its lane may hold', async () => {
  const pipeline = await createPipeline(source, target);
  // A megabyte that the source has packed into some kilobytes: its size on disk says nothing of what is sent.
  await queryPostgres(
    pipeline.sourceUrl,
    `CREATE TABLE docs (id int PRIMARY KEY, body text);
     INSERT INTO docs SELECT i, repeat('weir', ${ROW_BYTES / 4}) FROM generate_series(1, ${ROWS}) i`,
  );
  const running = weir.start(['run', pipeline.file, '--until', 'caught-up']);
  const { code, stderr } = await running.exited;
  expect(code, stderr).toBe(0);
  const chunks = await queryPostgres(pipeline.targetUrl, 'SELECT id FROM weir.chunk');
  expect(chunks).toHaveLength(1);
  const [copied] = await queryPostgres(pipeline.targetUrl, SUM);
  expect(copied).toEqual({ rows: ROWS, bytes: ROWS * ROW_BYTES });
}, 120_000);
