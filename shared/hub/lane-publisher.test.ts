import type { NatsConnection, Payload } from 'nats';
import { expect, it } from 'vitest';
import { LanePublisher } from './lane-publisher.ts';

const MIB = 1 << 20;

it('of a large frame no more than the window is on its way, so that others need not wait behind all of it', () => {
  const sent: number[] = [];
  const told = { next: () => new Promise<never>(() => undefined), return: () => undefined };
  const nc = {
    info: { max_payload: MIB },
    subscribe: () => ({ unsubscribe: () => undefined }),
    publish: (_subject: string, bytes: Payload) => void sent.push(bytes.length),
    status: () => ({ [Symbol.asyncIterator]: () => told }),
  } as unknown as NatsConnection;
  const publisher = new LanePublisher({
    nc,
    stream: 'stream',
    subject: 'subject',
    lastSequence: 0,
    maxFrameBytes: 64 * MIB,
    windowBytes: 4 * MIB,
    onFailure: () => undefined,
  });
  publisher.send(Buffer.alloc(32 * MIB), 'large');
  const bytes = sent.reduce((sum, each) => sum + each, 0);
  expect(bytes).toBeGreaterThanOrEqual(4 * MIB);
  expect(bytes).toBeLessThan(5 * MIB);
  publisher.close();
});
