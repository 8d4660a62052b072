import { createServer } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const PASSWORD = 'p4ss-w0rd-that-must-not-show';
const source = usePostgres({ password: PASSWORD });
const target = useTargetPostgres();
const minimal = usePostgres({ settings: { wal_level: 'replica' } });
const weir = useWeir();

async function readyPipeline(more: Record<string, unknown> = {}) {
  const pipeline = await createPipeline(source, target, more);
  await queryPostgres(pipeline.sourceUrl, 'CREATE TABLE public.t (id int PRIMARY KEY, v text)');
  return pipeline;
}

describe('bad input ends in a sentence that names the thing and the fix', () => {
  it('an unreachable server', async () => {
    const pipeline = await readyPipeline();
    await writeFile(
      pipeline.file,
      JSON.stringify({
        name: pipeline.name,
        source: { url: 'postgres://app:secret-secret@127.0.0.1:1/shop' },
        target: { url: pipeline.targetUrl },
      }),
    );
    const { code, stderr } = await weir.run(['run', pipeline.file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/127\.0\.0\.1:1/);
    expect(stderr).not.toMatch(/secret-secret|\n\s+at /);
  });

  it('a wrong password, which shows nowhere', async () => {
    const pipeline = await readyPipeline();
    const wrong = new URL(pipeline.sourceUrl);
    wrong.password = 'wr0ng-wr0ng';
    await writeFile(
      pipeline.file,
      JSON.stringify({
        name: pipeline.name,
        source: { url: wrong.href },
        target: { url: pipeline.targetUrl },
      }),
    );
    const { code, stderr, stdout } = await weir.run(['run', pipeline.file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/password/);
    expect(stderr + stdout).not.toMatch(/wr0ng-wr0ng/);
  });

  it('a source that is not set up for following', async () => {
    const pipeline = await createPipeline(minimal, target);
    await queryPostgres(pipeline.sourceUrl, 'CREATE TABLE public.t (id int PRIMARY KEY)');
    const { code, stderr } = await weir.run(['run', pipeline.file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/wal_level/);
    expect(stderr).toMatch(/ALTER SYSTEM SET wal_level/);
  });

  it('a missing right', async () => {
    const pipeline = await readyPipeline();
    await queryPostgres(
      pipeline.sourceUrl,
      `DROP ROLE IF EXISTS nobody_special; CREATE ROLE nobody_special LOGIN PASSWORD 'x'`,
    );
    const poor = new URL(pipeline.sourceUrl);
    poor.username = 'nobody_special';
    poor.password = 'x';
    await writeFile(
      pipeline.file,
      JSON.stringify({
        name: pipeline.name,
        source: { url: poor.href },
        target: { url: pipeline.targetUrl },
      }),
    );
    const { code, stderr } = await weir.run(['run', pipeline.file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/REPLICATION/);
    expect(stderr).toMatch(/GRANT/);
  });

  it('a target table of another shape', async () => {
    const pipeline = await readyPipeline();
    await queryPostgres(
      pipeline.targetUrl,
      'CREATE TABLE public.t (id int PRIMARY KEY, v integer)',
    );
    const { code, stderr } = await weir.run(['run', pipeline.file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/public\.t/);
    expect(stderr).toMatch(/integer/);
  });

  it('a target table that holds rows of somebody else: they stay as they are', async () => {
    const pipeline = await readyPipeline();
    await queryPostgres(
      pipeline.targetUrl,
      `CREATE TABLE public.t (id int PRIMARY KEY, v text); INSERT INTO public.t VALUES (1, 'mine')`,
    );
    const { code, stderr } = await weir.run(['run', pipeline.file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/public\.t/);
    expect(await queryPostgres(pipeline.targetUrl, 'SELECT * FROM public.t')).toEqual([
      { id: 1, v: 'mine' },
    ]);
  });

  it('a table without a key is followed by its inserts, and check says so', async () => {
    const pipeline = await readyPipeline();
    await queryPostgres(pipeline.sourceUrl, 'CREATE TABLE public.log (line text)');
    const { code, stdout } = await weir.run(['check', pipeline.file]);
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/public\.log/);
    expect(stdout).toMatch(/REPLICA IDENTITY/);
  });

  it('an unknown key and a missing variable, both at once', async () => {
    const pipeline = await readyPipeline();
    await writeFile(
      pipeline.file,
      `name: ${pipeline.name}\nsource: { url: "postgres://a:\${WEIR_TEST_NOT_SET}@127.0.0.1/x" }\ntarget: { url: "postgres://127.0.0.1/y" }\nlane: 3\n`,
    );
    const { code, stderr } = await weir.run(['run', pipeline.file]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/WEIR_TEST_NOT_SET/);
    expect(stderr).toMatch(/lane/);
    expect(stderr).toMatch(/:4/);
  });

  it('a port in use where NATS is expected', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 400 no\r\n\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const pipeline = await readyPipeline({ nats: { url: `nats://127.0.0.1:${port}` } });
    const { code, stderr } = await weir.run(['run', pipeline.file]);
    server.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}`));
  });

  it('a second run of the same pipeline while one is running: the first goes on', async () => {
    const pipeline = await readyPipeline();
    const first = weir.start(['run', pipeline.file]);
    await first.waitForLine(/streaming/);
    const second = await weir.run(['run', pipeline.file]);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/running|another process/i);
    await queryPostgres(pipeline.sourceUrl, `INSERT INTO public.t VALUES (1, 'still followed')`);
    await expect
      .poll(() => queryPostgres(pipeline.targetUrl, 'SELECT v FROM public.t'), { timeout: 20_000 })
      .toEqual([{ v: 'still followed' }]);
    expect((await first.stop()).code).toBe(0);
  });

  it('a service that does not exist, and a file that is not there', async () => {
    const pipeline = await readyPipeline();
    const service = await weir.run(['service', 'sequencer', '--pipeline', pipeline.file]);
    expect(service.code).toBe(2);
    expect(service.stderr).toMatch(/source-reader, transformer, target-writer/);
    const missing = await weir.run(['run', `${pipeline.file}.not-there`]);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toMatch(/not-there/);
  });
});
