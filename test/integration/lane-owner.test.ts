import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { createWorkerId } from '../../shared/hub/worker-id.ts';
import { connectHub } from '../../shared/hub/hub.ts';
import { LaneOwner } from '../../shared/hub/lane-owner.ts';
import { useNats } from '../support/servers.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const nats = useNats();
const LEASE_MS = 1_000;

interface Owner {
  owner: LaneOwner;
  /** How often the work of each lane began. */
  starts: number[];
  logged: string[];
}

/** A process that shares `lanes`; the work of one ends when it is aborted and `mayEnd` has come. */
async function startOwner(
  pipeline: string,
  lanes: number,
  { url = nats.url, mayEnd = Promise.resolve() } = {},
): Promise<Owner> {
  const hub = await connectHub({ url, name: 'test' });
  const starts = Array.from({ length: lanes }, () => 0);
  const logged: string[] = [];
  const owner = await LaneOwner.open({
    hub,
    pipeline,
    holder: createWorkerId().replace(`=${process.pid}=`, `=${process.ppid}=`),
    role: 'writer',
    lanes,
    leaseMs: LEASE_MS,
    workOf: (lane) => [
      async (signal) => {
        starts[lane]!++;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await mayEnd;
      },
    ],
    onFailure: () => undefined,
    log: pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) }),
  });
  const over = new AbortController();
  const running = owner.run(over.signal);
  onTestFinished(async () => {
    over.abort();
    await running;
    await hub.close();
  });
  return { owner, starts, logged };
}

const lifetimes = (count: number): Promise<void> => sleep(count * LEASE_MS);

it('a broker so slow that leases would expire one after the other costs no lane', async () => {
  const wire = await TcpProxy.listen(Number(new URL(nats.url).port));
  onTestFinished(() => wire.close());
  wire.delayMs = 30;
  const { owner, starts, logged } = await startOwner('slow', 16, { url: wire.urlFor(nats.url) });
  await waitFor('all lanes', () => owner.lanes.length === 16);
  await lifetimes(3);
  expect(starts).toEqual(starts.map(() => 1));
  expect(logged).toEqual([]);
});

it('a lane that does not come to its end costs its owner no other lane', async () => {
  let end = (): void => undefined;
  const mayEnd = new Promise<void>((resolve) => (end = resolve));
  const first = await startOwner('blocked', 4, { mayEnd });
  await waitFor('all lanes', () => first.owner.lanes.length === 4);
  const second = await startOwner('blocked', 4);
  await lifetimes(3);
  expect(first.owner.lanes).toEqual([0, 1, 2, 3]);
  expect(second.owner.lanes).toEqual([]);
  expect(first.logged).toEqual([]);
  end();
  await waitFor('the share of the second', () => second.owner.lanes.length === 2);
  expect(first.starts).toEqual([1, 1, 1, 1]);
});

it('a broker that stands still for longer than a lease lives is told of, and costs no lane that nobody took', async () => {
  const server = nats.server!;
  const { owner, starts, logged } = await startOwner('still', 4);
  await waitFor('all lanes', () => owner.lanes.length === 4);
  process.kill(server.pid, 'SIGSTOP');
  try {
    await waitFor('the owner tells of it', () => logged.join('').includes('are not renewed'));
  } finally {
    process.kill(server.pid, 'SIGCONT');
  }
  await waitFor('it is over', () => owner.problem === null);
  expect(owner.lanes).toEqual([0, 1, 2, 3]);
  expect(starts).toEqual([1, 1, 1, 1]);
  expect(logged.join('')).toMatch(/leases are late: [^]*had expired and was taken again/);
});
