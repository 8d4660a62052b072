import { setTimeout as sleep } from 'node:timers/promises';
import type { Store, StoreOptions } from '../../../shared/connector/store.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { parseNullUrl } from './settings.ts';

/** Takes everything, takes its time and fails to order, and keeps nothing. */
export function createNullStore({ url }: StoreOptions): Store {
  const { delayMs, failEvery } = parseNullUrl(url);
  let writes = 0;
  return {
    readIdentity: () => Promise.resolve('null:'),
    reader: null,
    writer: {
      relationOf: () => Promise.resolve('any'),
      fillAbsent: (_relation, rows) => Promise.resolve([...rows]),
      write: () => Promise.resolve(),
      async count() {
        if (delayMs > 0) await sleep(delayMs);
        if (failEvery > 0 && ++writes % failEvery === 0)
          throw new WeirError('UNREACHABLE', 'null: failed, as its URL asks for with fail');
      },
    },
    close: () => Promise.resolve(),
  };
}
