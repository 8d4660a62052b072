import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  startNats,
  type NatsServerProcess,
} from '../../services/supervisor/embedded/nats-server.ts';
import { createWorkerId } from '../../shared/hub/worker-id.ts';
import { connectHub, type Hub } from '../../shared/hub/hub.ts';
import { Leases } from '../../shared/hub/leases.ts';
import { deletePipelineStreams } from '../../shared/hub/streams.ts';

let nats: NatsServerProcess;
let hub: Hub;

beforeAll(async () => {
  nats = await startNats();
  hub = await connectHub({ url: nats.url, name: 'test' });
});
afterAll(async () => {
  await hub.close();
  await nats.stop();
});

/** Another holder, in a process that lives. */
const neighbour = (): string => createWorkerId().replace(`=${process.pid}=`, `=${process.ppid}=`);

describe('leases', () => {
  it('show every key to everyone, however many there are', async () => {
    const mine = await Leases.open(hub.control, 'many', createWorkerId(), 10_000);
    for (let i = 0; i < 20; i++) expect(await mine.acquire(`lane.${i}`)).toBe(true);
    const other = await Leases.open(hub.control, 'many', neighbour(), 10_000);
    await other.announce('member.other');
    expect((await mine.entries()).size).toBe(21);
  });

  it('are held by one at a time, and free again when given back', async () => {
    const mine = await Leases.open(hub.control, 'one', createWorkerId(), 10_000);
    const other = await Leases.open(hub.control, 'one', neighbour(), 10_000);
    expect(await mine.acquire('reader')).toBe(true);
    expect(await other.acquire('reader')).toBe(false);
    expect(await mine.renew('reader')).toBe('held');
    await mine.release('reader');
    expect(await mine.renew('reader')).toBe('lost');
    expect(await other.acquire('reader')).toBe(true);
  });

  it('expire when they are not renewed, and the one who slept learns it', async () => {
    const asleep = await Leases.open(hub.control, 'short', createWorkerId(), 1_000);
    const awake = await Leases.open(hub.control, 'short', neighbour(), 1_000);
    expect(await asleep.acquire('reader')).toBe(true);
    await expect.poll(() => awake.acquire('reader'), { timeout: 10_000 }).toBe(true);
    expect(await asleep.renew('reader')).toBe('lost');
  });

  it('are listed to the end, also where the last of them expire meanwhile', async () => {
    const mine = await Leases.open(hub.control, 'expiring', createWorkerId(), 100);
    for (let round = 0; round < 30; round++) {
      await mine.announce('member.mine');
      const lists: Promise<unknown>[] = [];
      // Until well after they have expired.
      const overAtMs = performance.now() + 150;
      while (performance.now() < overAtMs) {
        lists.push(mine.entries());
        await setImmediate();
      }
      await Promise.all(lists);
    }
  }, 30_000);

  it('that expired are the same holder’s again where nobody else has taken them, also in a broker that was wiped', async () => {
    const holder = createWorkerId();
    const mine = await Leases.open(hub.control, 'regained', holder, 500);
    const other = await Leases.open(hub.control, 'regained', neighbour(), 500);
    expect(await mine.acquire('lane.0')).toBe(true);
    await expect.poll(async () => (await other.entries()).size).toBe(0);
    expect(await mine.renew('lane.0')).toBe('regained');
    expect(await deletePipelineStreams(hub.control, 'regained')).toHaveLength(1);
    expect(await mine.renew('lane.0')).toBe('regained');
    expect(await other.acquire('lane.0')).toBe(false);
  });

  it('that the broker has stored without its holder hearing of it are the holder’s', async () => {
    const holder = createWorkerId();
    const unheard = await Leases.open(hub.control, 'unheard', holder, 10_000);
    expect(await unheard.acquire('lane.0')).toBe(true);
    const mine = await Leases.open(hub.control, 'unheard', holder, 10_000);
    expect(await mine.acquire('lane.0')).toBe(true);
    expect(await unheard.renew('lane.0')).toBe('regained');
  });
});
