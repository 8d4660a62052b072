import { expect, test } from 'vitest';
import { dumpTables } from '../support/psql.ts';
import { findPgbouncer, startPgbouncer } from '../support/pgbouncer.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline, type TestPipeline } from '../support/shop-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

const IGNORES = { ignore_startup_parameters: 'extra_float_digits,options' };
const DIRECT = /ame the server itself in the URL/;
const SESSION = /PgBouncer: pool_mode = session/;

function isThere(): boolean {
  if (findPgbouncer() !== undefined) return true;
  process.stderr.write('left out: poolers (this machine has no PgBouncer)\n');
  return false;
}

async function pipelineThrough(
  end: 'source' | 'target',
  settings: Record<string, string>,
): Promise<TestPipeline> {
  const through = await startPgbouncer((end === 'source' ? source : target).server.port, settings);
  const urls: string[] = [];
  const pipeline = await createPipeline(source, target, {}, (url) => {
    urls.push(url);
    return (urls.length === 1) === (end === 'source') ? through(url) : url;
  });
  await queryPostgres(
    pipeline.sourceUrl,
    'CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, i FROM generate_series(1, 500) i',
  );
  return pipeline;
}

async function expectRefused({ file }: TestPipeline, ...said: RegExp[]): Promise<void> {
  const { code, stdout, stderr } = await weir.run(['check', file]);
  for (const pattern of said) expect(stdout + stderr).toMatch(pattern);
  expect(code).toBe(1);
  expect(stdout + stderr).not.toMatch(/defect/);
}

test('a target behind a pooler that keeps one connection a session is copied to and followed', async () => {
  if (!isThere()) return;
  const pipeline = await pipelineThrough('target', { pool_mode: 'session', ...IGNORES });
  for (const changes of ["UPDATE t SET v = v || 'x'", 'DELETE FROM t WHERE id % 2 = 0']) {
    const { code, stderr } = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
    expect(code, stderr).toBe(0);
    await queryPostgres(pipeline.sourceUrl, changes);
  }
  await weir.run(['run', pipeline.file, '--until', 'caught-up']);
  const [at, there] = [pipeline.sourceUrl, pipeline.targetUrl];
  expect(await dumpTables(there, ['t'])).toEqual(await dumpTables(at, ['t']));
});

test.each(['transaction', 'statement'])(
  'a target behind a pooler that shares sessions (%s) is refused by the check',
  async (mode) => {
    if (!isThere()) return;
    await expectRefused(
      await pipelineThrough('target', { pool_mode: mode, ...IGNORES }),
      DIRECT,
      SESSION,
    );
  },
);

test('a target behind a pooler that does not clear a session is refused by the check', async () => {
  if (!isThere()) return;
  const settings = { pool_mode: 'session', server_reset_query: '', default_pool_size: '2' };
  const pipeline = await pipelineThrough('target', { ...settings, ...IGNORES });
  await weir.run(['check', pipeline.file]);
  await expectRefused(pipeline, /share one session/, DIRECT);
});

test('a pooler that does not take what sessions begin with is told what to ignore', async () => {
  if (!isThere()) return;
  const pipeline = await pipelineThrough('target', { pool_mode: 'session' });
  await expectRefused(pipeline, /ignore_startup_parameters/);
});

test.each(['session', 'transaction', 'statement'])(
  'a source behind a pooler (%s) is refused by the check, which says that replication needs the server itself',
  async (mode) => {
    if (!isThere()) return;
    await expectRefused(
      await pipelineThrough('source', { pool_mode: mode, ...IGNORES }),
      DIRECT,
      /at the source always|shares? one session|another session/,
    );
  },
);
