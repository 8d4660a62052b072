import type { Logger } from 'pino';
import { toWeirError, WeirError } from '../../shared/errors/weir-error.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { askTarget } from '../../shared/hub/ask.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { detach } from '../../shared/lifecycle/detach.ts';
import type { DesiredState } from '../../shared/progress/desired-state.ts';
import type { Pipeline } from './pipeline.ts';

/** For as long as services may take to start. */
const STARTING_MS = 60_000;
/** What is in flight may take a while; after that its services are ended as they are, which costs nothing but time. */
const STOPPING_MS = 60_000;
const POLL_MS = 250;

/** Writes down at the target what is wanted of the pipeline; its services follow within seconds. */
export async function desire(hub: Hub, pipeline: string, desired: DesiredState): Promise<void> {
  if (await tell(hub, pipeline, desired)) return;
  throw new WeirError(
    'STATE_CONFLICT',
    `${pipeline}: the target knows nothing of it yet; try again when it has started`,
  );
}

/** False where the target has no such pipeline yet. Throws UNREACHABLE where no writer answers. */
async function tell(hub: Hub, pipeline: string, desired: DesiredState): Promise<boolean> {
  return askTarget(hub.control, pipeline, { op: 'desire', desired });
}

/** Whoever starts a pipeline wants it to run; said as soon as a writer is there. Does not wait for it. */
export function startRun(hub: Hub, pipeline: string, log: Logger): void {
  const giveUp = AbortSignal.timeout(STARTING_MS);
  const told = (async () => {
    while (!giveUp.aborted) {
      try {
        const progress = await askTarget(hub.control, pipeline, { op: 'progress' });
        if (progress !== null && progress.desired !== 'running')
          await tell(hub, pipeline, 'running');
        return;
      } catch (error) {
        if (toWeirError(error).code !== 'UNREACHABLE' || hub.control.isClosed()) throw error;
        await pause(POLL_MS, giveUp);
      }
    }
  })();
  detach(told, (error) =>
    log.warn(
      { reason: toWeirError(error).message },
      'the request to run did not reach the pipeline',
    ),
  );
}

/**
 * Says that the pipeline is to stop. Services that were started here end when they have finished what is in flight, and
 * also where the target cannot be told: then they are ended as they are.
 */
export async function stopRun(hub: Hub, pipeline: Pipeline, log: Logger): Promise<void> {
  const { run } = pipeline;
  if (run === null) return desire(hub, pipeline.name, 'stopped');
  try {
    const known = await tell(hub, pipeline.name, 'stopped');
    if (known) await Promise.race([run.ended, pause(STOPPING_MS, never())]);
  } catch (error) {
    if (toWeirError(error).code !== 'UNREACHABLE') throw error;
    log.warn({ pipeline: pipeline.name }, 'the request to stop did not reach the target');
  }
  await run.stop();
  if (pipeline.run !== run) return;
  pipeline.run = null;
  pipeline.lastEnd = { how: 'stopped', reason: null };
  pipeline.heard.forget();
}

function never(): AbortSignal {
  return new AbortController().signal;
}
