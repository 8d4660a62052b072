import { waitUntilCaughtUp } from '../../../services/supervisor/caught-up.ts';
import { connectHub } from '../../../shared/hub/hub.ts';
import type { Run } from './run.ts';

/** True when the pipeline that runs has caught up, or has ended by itself, which is judged by what it said. */
export async function awaitCaughtUp(
  run: Run,
  natsUrl: string,
  pipeline: string,
  timeoutMs: number,
): Promise<boolean> {
  const hub = await connectHub({ url: natsUrl, name: `hunt/${pipeline}` });
  const late = AbortSignal.timeout(timeoutMs);
  const gone = new AbortController();
  void run.ended.then(() => gone.abort());
  try {
    const signal = AbortSignal.any([late, gone.signal]);
    // What it says instead, such as that structures differ, the run that judges finds, too.
    await waitUntilCaughtUp(hub, pipeline, signal).catch(() => undefined);
    return !late.aborted;
  } finally {
    await hub.close();
  }
}
