import { toWeirError } from '../../shared/errors/weir-error.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { askTarget } from '../../shared/hub/ask.ts';
import { watchStatus } from '../../shared/hub/status-board.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import type { DesiredState } from '../../shared/progress/desired-state.ts';

/**
 * Whoever starts a pipeline that was stopped wants it to run; one that was paused stays so. Returns when that is
 * said, which needs a writer to be there.
 */
export async function requestRunning(
  { control }: Pick<Hub, 'control'>,
  pipeline: string,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const progress = await askTarget(control, pipeline, { op: 'progress' });
      if (progress?.desired === 'stopped')
        await askTarget(control, pipeline, { op: 'desire', desired: 'running' });
      return;
    } catch (error) {
      if (toWeirError(error).code !== 'UNREACHABLE') throw error;
      await pause(200, signal);
    }
  }
}

/**
 * Resolves when the reader has stopped and the target says that this is wanted. A reader alone may tell of a wish that
 * was taken back since.
 */
export async function untilStopped(
  { control }: Pick<Hub, 'control'>,
  pipeline: string,
  signal: AbortSignal,
): Promise<'stopped' | null> {
  let phase: string | null = null;
  const stop = watchStatus(control, pipeline, (status) => {
    if (status.service === 'source-reader') phase = status.phase;
  });
  try {
    while (!signal.aborted) {
      if (phase === 'stopped' && (await desiredState(control, pipeline)) === 'stopped')
        return 'stopped';
      await pause(200, signal);
    }
    return null;
  } finally {
    stop();
  }
}

/** Null where no writer answers. */
async function desiredState(
  control: Hub['control'],
  pipeline: string,
): Promise<DesiredState | null> {
  try {
    const progress = await askTarget(control, pipeline, { op: 'progress' });
    return progress?.desired ?? null;
  } catch (error) {
    if (toWeirError(error).code !== 'UNREACHABLE') throw error;
    return null;
  }
}
