import { decodeValue, type Decode } from './codec.ts';
import { previousOf } from './previous.ts';
import type { GivenResync } from './resync-run.ts';
import type { Entry } from './transport.ts';
import type { RemovedKey, ResyncItem } from './watch-event.ts';
import type { WatchState } from './watch-state.ts';

export interface Giving<T> {
  state: WatchState;
  decode: Decode<T>;
  isSure: boolean;
  valueOf(entry: Entry): Promise<Entry | undefined>;
}

/** The items of a RESYNC; each loop over it begins anew. A value that cannot be read fails its key only. */
export function giveItems<T>(
  given: GivenResync,
  giving: Giving<T>,
  signal: AbortSignal,
): AsyncIterable<ResyncItem<T>> {
  return {
    async *[Symbol.asyncIterator]() {
      for (const [key, entry] of given.items) {
        signal.throwIfAborted();
        const read = await giving.valueOf(entry);
        // An epoch that is over must not leave traces in the state.
        signal.throwIfAborted();
        if (read?.value === undefined) continue;
        const item = toItem(key, read, given, giving);
        if (item !== undefined) yield item;
      }
    },
  };
}

function toItem<T>(
  key: string,
  entry: Entry,
  given: GivenResync,
  { state, decode, isSure }: Giving<T>,
): ResyncItem<T> | undefined {
  const { revision, stamp } = entry;
  try {
    const value = decodeValue(decode, key, entry.value!);
    const previous = previousOf(key, state, decode, isSure);
    state.stage(key, { revision, stamp, value: entry.value! });
    return { key, value, revision, previous, fail: (error) => void given.failed.set(key, error) };
  } catch (error) {
    given.failed.set(key, error);
    return undefined;
  }
}

export function giveRemoved<T>(
  given: GivenResync,
  { state, decode, isSure }: Giving<T>,
  signal: AbortSignal,
): AsyncIterable<RemovedKey<T>> {
  return {
    async *[Symbol.asyncIterator]() {
      for (const key of given.removed) {
        signal.throwIfAborted();
        yield { key, previous: previousOf(key, state, decode, isSure) };
      }
    },
  };
}
