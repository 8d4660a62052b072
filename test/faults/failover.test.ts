import { expect, onTestFinished, test } from 'vitest';
import type { PostgresServer } from '../../infra/postgres/postgres-server.ts';
import { queryPostgres, type TestPostgres, useNats, usePostgres } from '../support/servers.ts';
import { countRows, createPipeline } from '../support/shop-pipeline.ts';
import { promote, type StandbyOptions, startStandby, untilReplayed } from '../support/standby.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = usePostgres();
const nats = useNats();
const weir = useWeir();

async function wireTo(port: number): Promise<TcpProxy> {
  const wire = await TcpProxy.listen(port);
  onTestFinished(() => wire.close());
  return wire;
}

/** A small pipeline behind wires that can be led elsewhere, with one row that has arrived. */
async function following() {
  const wires = {
    source: await wireTo(source.server.port),
    target: await wireTo(target.server.port),
  };
  const behind = (postgres: TestPostgres, wire: TcpProxy) =>
    ({ createDatabase: async () => wire.urlFor(await postgres.createDatabase()) }) as TestPostgres;
  const pipeline = await createPipeline(
    behind(source, wires.source),
    behind(target, wires.target),
    { lanes: 2 },
  );
  const { sourceUrl, targetUrl, file } = pipeline;
  await queryPostgres(sourceUrl, 'CREATE TABLE public.t (id int PRIMARY KEY)');
  const [reader] = ['source-reader', 'target-writer'].map((service) =>
    weir.start(['service', service, '--pipeline', file], { env: { WEIR_NATS_URL: nats.url } }),
  );
  const insert = async (id: number): Promise<void> => {
    await queryPostgres(sourceUrl, `INSERT INTO public.t VALUES (${id})`);
    await waitFor(`row ${id} at the target`, async () => {
      return (await countRows(targetUrl, `SELECT count(*) FROM public.t WHERE id = ${id}`)) === 1;
    });
  };
  await insert(1);
  return { sourceUrl, wires, reader: reader!, insert };
}

async function standbyOf(
  primary: PostgresServer,
  options?: StandbyOptions,
): Promise<PostgresServer> {
  const standby = await startStandby(primary, options);
  onTestFinished(() => standby.stop());
  return standby;
}

test('a source that is failed over: goes on where the standby has the slot, else says what is lost', async () => {
  const hasSlots =
    (await countRows(source.url, `SELECT current_setting('server_version_num')`)) >= 170_000;
  const { wires, reader, insert } = await following();
  if (hasSlots)
    await queryPostgres(source.url, `SELECT pg_create_physical_replication_slot('standby', true)`);
  const settings: Record<string, string> = hasSlots
    ? { sync_replication_slots: 'on', hot_standby_feedback: 'on', primary_slot_name: 'standby' }
    : {};
  const standby = await standbyOf(source.server, { settings });
  await insert(2);
  if (hasSlots)
    await waitFor('the synchronised slot', async () => {
      const synced = `SELECT count(*) FROM pg_replication_slots WHERE synced AND NOT temporary`;
      return (await countRows(standby.url, synced)) === 1;
    });
  await untilReplayed(source.server, standby);
  // One that is not promoted yet is waited for.
  wires.source.redirect(standby.port);
  await reader.waitForLine(/standby that was not promoted yet/);
  await promote(standby);
  if (hasSlots) {
    await reader.waitForLine(/source was failed over, going on/);
    await insert(3);
    expect(reader.running).toBe(true);
    return;
  }
  const { code, stderr } = await reader.exited;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /weir: .*failed over to .*no replication slot .*committed after .*\/.* are gone.*PostgreSQL 17/,
  );
});

test('a source that is failed over to a standby that lacks what the target holds is refused', async () => {
  const { wires, reader, insert } = await following();
  const replication = await wireTo(source.server.port);
  const standby = await standbyOf(source.server, { port: replication.port });
  await untilReplayed(source.server, standby);
  replication.refuse();
  await insert(2);
  await promote(standby);
  wires.source.redirect(standby.port);
  const { code, stderr } = await reader.exited;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /weir: .*failed over to a standby that had received its log up to .* only \(timeline 1 became 2\).*have diverged/,
  );
});

test('a target that is failed over to a standby that lacks commits is refused, once the source has forgotten them', async () => {
  const { sourceUrl, wires, reader, insert } = await following();
  const replication = await wireTo(target.server.port);
  const standby = await standbyOf(target.server, { port: replication.port });
  await untilReplayed(target.server, standby);
  replication.refuse();
  const confirmed = async () =>
    (
      await queryPostgres(
        sourceUrl,
        `SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE database = current_database()`,
      )
    )[0]?.['lsn'];
  const before = await confirmed();
  await insert(2);
  await waitFor('the source to forget it', async () => (await confirmed()) !== before);
  await promote(standby);
  wires.target.redirect(standby.port);
  const { code, stderr } = await reader.exited;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /weir: .*has moved on to .* where the target stands: the target lost what it had committed/,
  );
});
