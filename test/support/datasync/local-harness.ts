import { LocalStore, localTransport, type LocalTransport } from '../../../shared/datasync/index.ts';
import type { HarnessOptions, StoreHarness } from './store-harness.ts';

export async function localHarness({ history = 1 }: HarnessOptions = {}): Promise<StoreHarness> {
  const store = new LocalStore({ history });
  const clients: LocalTransport[] = [];
  return {
    transport() {
      const client = localTransport({ store });
      clients.push(client);
      return client;
    },
    outside: () => localTransport({ store }),
    purge: async () => store.purge(),
    recreate: async () => store.recreate(),
    async backup() {
      const restore = store.backup();
      return async () => restore();
    },
    async disconnect() {
      for (const client of clients) client.disconnect();
    },
    async reconnect() {
      for (const client of clients) client.reconnect();
    },
    close: async () => undefined,
  };
}
