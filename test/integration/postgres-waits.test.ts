import { describe, expect, it, onTestFinished } from 'vitest';
import { connect, disconnect } from '../../services/connectors/postgres/connection/connection.ts';
import { waitingAt } from '../../services/connectors/postgres/connection/session-watch.ts';
import { queryPostgres, useTargetPostgres } from '../support/servers.ts';
import { SinkPipeline } from '../support/sink-pipeline.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const postgres = useTargetPostgres();

async function open(url: string) {
  const client = await connect(url, { applicationName: 'the application' });
  onTestFinished(() => disconnect(client));
  return client;
}

async function throughProxy() {
  const proxy = await TcpProxy.listen(postgres.server.port);
  onTestFinished(() => proxy.close());
  const direct = await postgres.createDatabase();
  return { proxy, direct, url: `${proxy.urlFor(direct)}?connect_timeout=2` };
}

/** Sleeps at the server for that long, and is told the fate of its answer. */
async function ask(url: string, seconds: number) {
  const client = await open(url);
  const failed = client.query('SELECT pg_sleep($1)', [seconds]).then(
    () => 'answered',
    (error: unknown) => String(error),
  );
  return failed;
}

describe.concurrent('a statement', () => {
  it('that waits for a lock tells who holds it, as a problem of its sink, until it has it', async () => {
    const [source, target] = [await postgres.createDatabase(), await postgres.createDatabase()];
    for (const url of [source, target])
      await queryPostgres(url, 'CREATE TABLE public.t (id int PRIMARY KEY, v text)');
    const pipeline = await SinkPipeline.create(source, target);
    onTestFinished(() => pipeline.close());
    await pipeline.start();
    await pipeline.write(0, { 'public.t': { upserts: [['1', 'a']] } });
    const application = await open(target);
    await application.query('BEGIN; LOCK TABLE public.t');
    const { rows } = await application.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const writing = pipeline.write(0, { 'public.t': { upserts: [['1', 'b']] } });
    const told = await waitFor('it is told', () => pipeline.sink.problem?.() ?? undefined);
    expect(told).toMatch(/has waited \d+ s for a lock on public\.t/);
    expect(told).toContain(`server process ${rows[0]!.pid} holds`);
    expect(told).toContain('application "the application"');
    await application.query('COMMIT');
    await writing;
    await waitFor('it is over', () => pipeline.sink.problem?.() === null);
  });

  it('takes as long as it takes where its server works on it', async () => {
    const url = await postgres.createDatabase();
    expect(await ask(url, 17)).toBe('answered');
    expect(waitingAt(url)).toBeNull();
  });

  it('fails where its answer was lost on the way', async () => {
    const { proxy, url } = await throughProxy();
    const fate = ask(url, 3);
    await waitFor('it is asked', async () => {
      const rows = await queryPostgres(
        postgres.url,
        `SELECT 1 FROM pg_stat_activity WHERE application_name = 'the application' AND query LIKE '%pg_sleep%' AND datname = $1`,
        [new URL(url).pathname.slice(1)],
      );
      return rows.length === 1;
    });
    proxy.lose();
    expect(await fate).toMatch(/the answer of the server was lost/);
  });

  it('fails where the server has lost its session without a word', async () => {
    const { proxy, url } = await throughProxy();
    const fate = ask(url, 600);
    const [session] = await waitFor('it is asked', async () => {
      const rows = await queryPostgres(
        postgres.url,
        `SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND datname = $1`,
        [new URL(url).pathname.slice(1)],
      );
      return rows.length === 1 && rows;
    });
    proxy.lose();
    await queryPostgres(postgres.url, 'SELECT pg_terminate_backend($1)', [session!['pid']]);
    expect(await fate).toMatch(/the server does not know it any more/);
  });

  it('fails where the server lets nobody in any more, and that is told before', async () => {
    const { proxy, url } = await throughProxy();
    const fate = ask(url, 600);
    await waitFor('it is asked', async () => {
      const rows = await queryPostgres(
        postgres.url,
        `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND datname = $1`,
        [new URL(url).pathname.slice(1)],
      );
      return rows.length === 1;
    });
    proxy.hold();
    await waitFor('it is told', () => waitingAt(url) !== null);
    expect(await fate).toMatch(/the server does not answer any more/);
  });
});
