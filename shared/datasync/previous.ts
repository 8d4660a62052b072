import { decodeValue, type Decode } from './codec.ts';
import type { Previous } from './watch-event.ts';
import type { WatchState } from './watch-state.ts';

/**
 * What the application has of this key, which is what was answered last, whatever the store had since. `isSure`: what
 * the state does not know was never given to the application.
 */
export function previousOf<T>(
  key: string,
  state: WatchState,
  decode: Decode<T>,
  isSure: boolean,
): Previous<T> {
  const known = state.get(key);
  if (known?.is !== 'answered') return isSure ? { is: 'none' } : { is: 'unknown' };
  const value = state.value(key);
  if (value === undefined) return { is: 'unknown' };
  return { is: 'value', value: decodeValue(decode, key, value), revision: known.revision };
}
