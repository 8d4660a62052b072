import { onTestFinished } from 'vitest';
import { AdiomRelay } from './adiom-relay.ts';
import { serveStore, type ServeOptions } from './served-store.ts';
import { usePostgres, useTargetPostgres } from './servers.ts';

export interface ServedRelay {
  relay: AdiomRelay;
  sourceUrl: string;
  targetUrl: string;
}

/** Makes new databases, each served over gRPC, with another program between them; removed after the test. */
export function useServedRelay(): (options?: ServeOptions) => Promise<ServedRelay> {
  const source = usePostgres();
  const target = useTargetPostgres();
  return async (options = {}) => {
    const sourceUrl = await source.createDatabase();
    const targetUrl = await target.createDatabase();
    const from = await serveStore(sourceUrl, { name: `served-${sourceUrl.slice(-8)}`, ...options });
    const to = await serveStore(targetUrl);
    const relay = new AdiomRelay(from.address, to.address);
    onTestFinished(async () => {
      await relay.stop();
      relay.close();
    });
    return { relay, sourceUrl, targetUrl };
  };
}
