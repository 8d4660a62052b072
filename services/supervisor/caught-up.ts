import type { Position } from '../../shared/change/position.ts';
import { minPosition } from '../../shared/change/position.ts';
import { errorPolicy } from '../../shared/errors/error-policy.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { askReader, askTarget } from '../../shared/hub/ask.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';

const POLL_MS = 200;
const CHECK_MS = 60_000;

/**
 * Waits until the target holds everything that the source held when the copy was in or this was called, whichever
 * is later, foreign keys and sequences too, in tables of the same structure. False when aborted first.
 */
export async function waitUntilCaughtUp(
  { control: nc }: Pick<Hub, 'control'>,
  pipeline: string,
  signal: AbortSignal,
): Promise<boolean> {
  const progress = () => askTarget(nc, pipeline, { op: 'progress' });
  const head = await ask<Position>(signal, async () => {
    const mark = await askReader(nc, pipeline, { op: 'mark' });
    return mark.head;
  });
  if (head === null) return false;
  const reached = await ask<true>(signal, async () => {
    const state = await progress();
    const least = minPosition(state?.lanes.map((lane) => lane.position) ?? []);
    return least !== null && least >= head ? true : null;
  });
  if (reached === null) return false;
  const finished = await ask<true>(signal, async () => {
    await askReader(nc, pipeline, { op: 'sideState' }, 60_000);
    await askTarget(nc, pipeline, { op: 'finish' });
    return (await progress())?.unfinished.length === 0 ? true : null;
  });
  if (finished === null) return false;
  const differences = await ask(signal, () =>
    askTarget(nc, pipeline, { op: 'differences' }, CHECK_MS),
  );
  if (differences !== null && differences.length > 0)
    throw new WeirError(
      'SCHEMA_CHANGED',
      `every change is at the target, but its structure is not that of the source: ${differences.join('; ')}`,
    );
  return differences !== null;
}

/** Repeats a question until it has an answer; services may be starting or starting again. */
async function ask<T>(signal: AbortSignal, question: () => Promise<T | null>): Promise<T | null> {
  while (!signal.aborted) {
    try {
      const answer = await question();
      if (answer !== null) return answer;
    } catch (error) {
      if (errorPolicy(error) === 'stop') throw error;
    }
    await pause(POLL_MS, signal);
  }
  return null;
}
