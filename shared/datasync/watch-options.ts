import type { Decode } from './codec.ts';
import { DatasyncError } from './datasync-error.ts';
import type { WatchHandlers } from './watch-event.ts';
import type { WatchState } from './watch-state.ts';

export interface WatchOptions<T> extends Partial<WatchHandlers<T>> {
  /** Unique: names the cursor, the answers, the metrics. Letters, digits, "-" and "_". */
  name: string;
  prefixes: readonly string[];
  /** Watches whose RESYNC comes before this one's. Left out: the one registered before. */
  after?: readonly string[];
  /** While its RESYNC fails, those after it do not begin theirs. */
  critical?: boolean;
  /** JSON when left out. */
  decode?: Decode<T>;
  /** In memory when left out. */
  state?: WatchState;
  /** `latest`: what waits for a key is folded to its newest version; `every`: each version that the store still has. */
  mode?: 'latest' | 'every';
  /** Keys at once. */
  parallel?: number;
  /** After so many a key counts as failed, until something newer comes. */
  attempts?: number;
  /** A handler that has not answered by then has failed. */
  doneMs?: number;
  /** Of values that wait; above, they are read again when their turn comes. */
  maxBytes?: number;
}

const NAME = /^[\w-]+$/;

export function refuseBadOptions<T>(options: WatchOptions<T>): void {
  const { name, prefixes, parallel = 1, attempts = 1, doneMs = 1, maxBytes = 0 } = options;
  if (!NAME.test(name))
    throw new DatasyncError(
      'INVALID',
      `a watch cannot be named "${name}"; take letters, digits, "-" and "_"`,
    );
  if (prefixes.length === 0)
    throw new DatasyncError('INVALID', `"${name}" has no prefix; '' is everything`);
  if ((options.resync === undefined) !== (options.change === undefined))
    throw new DatasyncError('INVALID', 'give both handlers, or neither and take pull()');
  for (const [option, value, least] of [
    ['parallel', parallel, 1],
    ['attempts', attempts, 1],
    ['doneMs', doneMs, 1],
    ['maxBytes', maxBytes, 0],
  ] as const)
    if (!(value >= least))
      throw new DatasyncError('INVALID', `${option} is ${value}; it must be ${least} or more`);
}
