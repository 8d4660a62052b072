import { toWeirError } from '../../../shared/errors/weir-error.ts';
import type { Hub } from '../../../shared/hub/hub.ts';
import { targetSubject } from '../../../shared/hub/names.ts';
import { request } from '../../../shared/hub/requests.ts';
import { watchStatus } from '../../../shared/hub/status-board.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import type { PipelineProgress } from '../../../shared/connector/sink.ts';

/**
 * Whoever starts a pipeline that was stopped wants it to run; one that was paused stays so. Returns when that is
 * said, which needs a writer to be there.
 */
export async function wantRunning(
  { control }: Pick<Hub, 'control'>,
  pipeline: string,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const subject = targetSubject(pipeline);
      const progress = await request<PipelineProgress | null>(control, subject, { op: 'progress' });
      if (progress?.desired === 'stopped')
        await request(control, subject, { op: 'desire', desired: 'running' });
      return;
    } catch (error) {
      if (toWeirError(error).code !== 'UNREACHABLE') throw error;
      await pause(200, signal);
    }
  }
}

/** Resolves when the pipeline, having run, is stopped by somebody. */
export function untilStopped(
  { control }: Pick<Hub, 'control'>,
  pipeline: string,
  signal: AbortSignal,
): Promise<'stopped'> {
  return new Promise((resolve) => {
    let hasRun = false;
    const stop = watchStatus(control, pipeline, (status) => {
      if (status.service !== 'source-reader') return;
      if (status.phase === 'stopped' && hasRun) resolve('stopped');
      else if (status.phase === 'streaming' || status.phase === 'snapshotting') hasRun = true;
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}
