import { connect } from 'nats';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDatasync, natsTransport, toRevision } from '../../shared/datasync/index.ts';
import { natsHarness, type NatsStoreHarness } from '../support/datasync/nats-harness.ts';
import { DatasyncClients, RecordedWatch } from '../support/datasync/recorded-watch.ts';
import { useNats } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';

const nats = useNats();

describe('datasync over a bucket of NATS', () => {
  let harness: NatsStoreHarness;
  let clients: DatasyncClients;
  beforeEach(async () => {
    harness = await natsHarness(nats);
    clients = new DatasyncClients();
  });
  afterEach(async () => {
    harness.proxy.admit();
    await clients.close();
    await harness.close();
  });

  test('what any other client puts and deletes is followed, and what is published others can read', async () => {
    const kv = await harness.nc.jetstream().views.kv(harness.bucket);
    await kv.put('theirs', '1');
    const sync = clients.add(harness.transport());
    const watch = await RecordedWatch.start(sync, { name: 'w' });
    await watch.has('theirs', 1);
    await kv.delete('theirs');
    await watch.lacks('theirs');
    await kv.put('theirs', '2');
    await watch.has('theirs', 2);
    await kv.purge('theirs');
    await watch.lacks('theirs');
    await sync.publisher().put('ours', { n: 1 });
    expect((await kv.get('ours'))?.json()).toEqual({ n: 1 });
    expect(watch.faults).toEqual([]);
  });

  test('a delete that was purged at once, while the watch had to catch up, is found by looking at the keys', async () => {
    const kv = await harness.nc.jetstream().views.kv(harness.bucket);
    await kv.put('ghost', '1');
    const watch = await RecordedWatch.start(clients.add(harness.transport()), { name: 'w' });
    await watch.has('ghost', 1);
    // The wire stands still, and soon the server holds back what it has not sent.
    harness.proxy.hold();
    const large = JSON.stringify('x'.repeat(400_000));
    for (let n = 0; n < 60; n++) await kv.put(`busy.${n}`, large);
    await kv.delete('ghost');
    await harness.purge();
    await kv.put('end', '1');
    harness.proxy.release();
    await watch.has('end', 1);
    await watch.lacks('ghost');
    expect(watch.faults).toEqual([]);
  });

  test('a server that is killed and started again is followed at once, without RESYNC', async () => {
    const { server } = nats;
    if (server === undefined) return;
    const watch = await RecordedWatch.start(clients.add(harness.transport()), { name: 'w' });
    await watch.inSync();
    await server.kill('SIGKILL');
    await server.start();
    const pub = clients.add(harness.outside()).publisher();
    await pub.put('a', 1);
    await watch.has('a', 1);
    expect(watch.resyncs).toHaveLength(1);
  });

  test('a write whose answer is lost is stored once, also when it compares revisions', async () => {
    const pub = clients.add(harness.transport()).publisher();
    await pub.put('before', 1);
    harness.proxy.loseAnswers(Buffer.from('"stream":"KV_'), 1);
    const { revision } = await pub.put('a', 1, { ifRevision: toRevision(0) });
    expect(harness.proxy.answersToLose).toBe(0);
    const manager = await harness.nc.jetstreamManager();
    const { state } = await manager.streams.info(`KV_${harness.bucket}`);
    expect([state.messages, state.last_seq]).toEqual([2, Number(revision)]);
  });

  test('after fifty watches have lost their connections again and again the server has no more consumers than watches', async () => {
    const sync = clients.add(harness.transport());
    const watches = await Promise.all(
      Array.from({ length: 50 }, (_, n) => RecordedWatch.start(sync, { name: `w${n}`, after: [] })),
    );
    await Promise.all(watches.map((watch) => watch.inSync()));
    for (let round = 0; round < 5; round++) {
      harness.proxy.cut();
      await clients.add(harness.outside()).publisher().put('round', round);
      await watches[round]!.has('round', round);
    }
    const manager = await harness.nc.jetstreamManager();
    await waitFor('as many consumers as watches', async () => {
      const { state } = await manager.streams.info(`KV_${harness.bucket}`);
      return state.consumer_count === 50;
    });
    expect(watches.flatMap(({ faults }) => faults)).toEqual([]);
  });

  test('a watch of a bucket that is not there yet says so, and begins when it is made', async () => {
    const sync = createDatasync({
      transport: natsTransport({ servers: nats.url, bucket: `${harness.bucket}-later` }),
    });
    const watch = await RecordedWatch.start(sync, { name: 'w' });
    await waitFor('what is wrong', () => watch.watch.trouble?.code === 'NOT_FOUND');
    await expect(sync.publisher().put('a', 1, { applied: ['w'] })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const nc = await connect({ servers: nats.url });
    await nc.jetstream().views.kv(`${harness.bucket}-later`);
    await watch.inSync();
    expect(watch.watch.trouble).toBeUndefined();
    await nc.close();
    await sync.close();
  });

  test('each version comes in the mode for it, and where the bucket may have dropped some it says so', async () => {
    const deep = await natsHarness(nats, { history: 4 });
    const pub = clients.add(deep.outside()).publisher();
    const sync = clients.add(deep.transport());
    const seen: [unknown, boolean][] = [];
    const watch = await sync.watch({
      name: 'w',
      prefixes: [''],
      mode: 'every',
      resync: () => undefined,
      change({ changes }) {
        for (const change of changes)
          seen.push(['value' in change && change.value, change.mayFollowLost]);
      },
    });
    await watch.reachedState('in-sync');
    for (let n = 1; n <= 3; n++) await pub.put('a', n, { applied: ['w'] });
    deep.proxy.refuse();
    for (let n = 4; n <= 12; n++) await pub.put('a', n);
    deep.proxy.admit();
    await waitFor('the last version', () => seen.at(-1)?.[0] === 12);
    expect(seen.map(([value]) => value)).toEqual([1, 2, 3, 9, 10, 11, 12]);
    expect(seen[3]).toEqual([9, true]);
    expect(seen.slice(0, 3).map(([, mayFollowLost]) => mayFollowLost)).toEqual([
      false,
      false,
      false,
    ]);
    await sync.close();
    await deep.close();
  });

  test('keys and prefixes that a bucket cannot have are refused by name', async () => {
    const sync = clients.add(harness.transport());
    await expect(sync.publisher().put('a b', 1)).rejects.toMatchObject({ code: 'INVALID' });
    await expect(sync.watch({ name: 'w', prefixes: ['a*'] })).rejects.toMatchObject({
      code: 'INVALID',
    });
  });
});
