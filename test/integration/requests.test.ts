import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  startNats,
  type NatsServerProcess,
} from '../../services/supervisor/embedded/nats-server.ts';
import { connectHub, type Hub } from '../../shared/hub/hub.ts';
import { request, serve } from '../../shared/hub/requests.ts';

const NUMBERED = z.object({ n: z.number() });

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

describe.concurrent('a request', () => {
  it('is answered however long the answer takes', async () => {
    serve(hub.control, 'test.slow', 'servers', NUMBERED, async (body) => {
      await sleep(11_000);
      return body;
    });
    await expect(request(hub.control, 'test.slow', { n: 1 }, NUMBERED, 60_000)).resolves.toEqual({
      n: 1,
    });
  });

  it('is given up soon when the one who was to answer has fallen silent, however long it had', async () => {
    hub.control.subscribe('test.silent', { queue: 'servers', callback: () => undefined });
    const startedAtMs = performance.now();
    await expect(request(hub.control, 'test.silent', {}, NUMBERED, 600_000)).rejects.toThrow(
      /no service answers/,
    );
    expect(performance.now() - startedAtMs).toBeLessThan(15_000);
  });

  it('reaches one who is there, also where the broker still believes in one who is gone', async () => {
    for (let i = 0; i < 2; i++)
      hub.control.subscribe('test.half', { queue: 'servers', callback: () => undefined });
    serve(hub.control, 'test.half', 'servers', NUMBERED, async (body) => body);
    await expect(request(hub.control, 'test.half', { n: 2 }, NUMBERED, 60_000)).resolves.toEqual({
      n: 2,
    });
  });

  it('is given up at once where nobody listens', async () => {
    const startedAtMs = performance.now();
    await expect(request(hub.control, 'test.nobody', {}, NUMBERED)).rejects.toThrow(
      /no service answers/,
    );
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });

  it('that is not understood is answered with an error, and whoever serves goes on', async () => {
    serve(hub.control, 'test.numbers', 'servers', NUMBERED, async (body) => body);
    await expect(request(hub.control, 'test.numbers', { n: 'one' }, NUMBERED)).rejects.toThrow(
      /n is not as it must be/,
    );
    for (const bytes of ['', '{}', '\x1f\x8b\x08garbage'])
      hub.control.publish('test.numbers', bytes, { reply: 'test.nowhere' });
    await expect(request(hub.control, 'test.numbers', { n: 3 }, NUMBERED)).resolves.toEqual({
      n: 3,
    });
  });

  it('is not answered by what the one who asks does not understand', async () => {
    serve(hub.control, 'test.other', 'servers', z.unknown(), async () => ({ n: 'one' }));
    await expect(request(hub.control, 'test.other', {}, NUMBERED)).rejects.toThrow(
      /says what is not understood here.*one version/,
    );
  });
});
