import { DatasyncError } from './datasync-error.ts';
import type { Feedback, FeedbackStore } from './feedback-store.ts';
import { isUnder } from './prefix.ts';
import type { Revision } from './revision.ts';
import { Changes } from './waiting.ts';

export interface AppliedOptions {
  consumer: string;
  keys: readonly string[];
  revision: Revision;
  incarnation: string;
  timeoutMs: number;
  signal: AbortSignal | undefined;
}

/** Notices may be lost; what they tell of is looked at this often all the same. */
const LOOK_MS = 1_000;

/** Resolves when the consumer has answered that revision of the keys or a later one; rejects with its own words. */
export async function awaitApplied(store: FeedbackStore, options: AppliedOptions): Promise<void> {
  const { consumer, keys, revision, timeoutMs, signal } = options;
  const deadline = AbortSignal.timeout(timeoutMs);
  const ended = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  const changes = new Changes();
  const stop = store.onChange(consumer, () => changes.notify());
  const looking = setInterval(() => changes.notify(), LOOK_MS);
  let last: Feedback | undefined;
  const open = new Set(keys);
  try {
    for (;;) {
      const noticed = changes.next(ended);
      for (const key of open) {
        last = await store.read(consumer, key);
        if (isApplied(last, key, options)) open.delete(key);
      }
      if (open.size === 0) return;
      signal?.throwIfAborted();
      if (deadline.aborted)
        throw new DatasyncError(
          'TIMEOUT',
          `"${consumer}" has not answered revision ${revision} within ${timeoutMs} ms (${howFar(last)}); the value is stored`,
        );
      await noticed;
    }
  } finally {
    stop();
    clearInterval(looking);
    changes.notify();
  }
}

function isApplied(
  { watermark, failure }: Feedback,
  key: string,
  { consumer, revision, incarnation }: AppliedOptions,
): boolean {
  // Answers from before the store was made anew say nothing of this revision.
  if (watermark?.incarnation !== incarnation) return false;
  if (failure !== undefined && failure.revision >= revision)
    throw new DatasyncError(
      'NOT_APPLIED',
      `"${consumer}" could not apply "${key}": ${failure.error}`,
    );
  if (watermark.revision < revision) return false;
  if (!isUnder(key, watermark.prefixes))
    throw new DatasyncError(
      'INVALID',
      `"${consumer}" does not watch "${key}" (only ${watermark.prefixes.join(', ')})`,
    );
  return !watermark.except.includes(key);
}

function howFar(last: Feedback | undefined): string {
  if (last?.watermark === undefined) return 'no such watch has ever answered';
  return `it has come to ${last.watermark.revision}`;
}
