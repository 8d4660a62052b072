import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { natsTransport } from '../../../shared/datasync/index.ts';
import type { TestNats } from '../servers.ts';
import { TcpProxy } from '../tcp-proxy.ts';
import type { HarnessOptions, StoreHarness } from './store-harness.ts';

export interface NatsStoreHarness extends StoreHarness {
  readonly bucket: string;
  readonly proxy: TcpProxy;
  /** Straight to the server, as any other program. */
  readonly nc: NatsConnection;
}

/** A bucket on the server of a test file; its clients come by a wire that can be cut. */
export async function natsHarness(
  nats: TestNats,
  { history = 1 }: HarnessOptions = {},
): Promise<NatsStoreHarness> {
  const bucket = `b${randomBytes(6).toString('hex')}`;
  const proxy = await TcpProxy.listen(Number(new URL(nats.url).port));
  let nc = await connect({ servers: nats.url });
  const make = async (): Promise<void> => {
    await nc.jetstream().views.kv(bucket, { history });
  };
  await make();
  return {
    bucket,
    proxy,
    get nc() {
      return nc;
    },
    transport: () => natsTransport({ servers: `127.0.0.1:${proxy.port}`, bucket, auditMs: 500 }),
    outside: () => natsTransport({ servers: nats.url, bucket }),
    async purge() {
      const kv = await nc.jetstream().views.kv(bucket);
      // Its types leave it out. An age below zero: also markers of this very moment.
      await (kv as unknown as { purgeDeletes(ms: number): Promise<unknown> }).purgeDeletes(-60_000);
    },
    async recreate() {
      const manager = await nc.jetstreamManager();
      await manager.streams.delete(`KV_${bucket}`);
      await make();
    },
    async backup() {
      const { server } = nats;
      if (server === undefined) throw new Error('the server is not ours to put back');
      const folder = await mkdtemp(path.join(tmpdir(), 'weir-datasync-'));
      const copy = path.join(folder, 'store');
      await nc.close();
      await server.kill('SIGTERM');
      await cp(server.storeDirectory, copy, { recursive: true });
      await server.start();
      nc = await connect({ servers: nats.url });
      return async () => {
        await nc.close();
        await server.kill('SIGTERM');
        await rm(server.storeDirectory, { recursive: true });
        await cp(copy, server.storeDirectory, { recursive: true });
        await rm(folder, { recursive: true });
        await server.start();
        nc = await connect({ servers: nats.url });
      };
    },
    disconnect: async () => proxy.refuse(),
    reconnect: async () => proxy.admit(),
    async close() {
      await nc.close();
      await proxy.close();
    },
  };
}
