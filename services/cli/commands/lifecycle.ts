import { toWeirError, WeirError } from '../../../shared/errors/weir-error.ts';
import type { Hub } from '../../../shared/hub/hub.ts';
import { askTarget } from '../../../shared/hub/ask.ts';
import type { DesiredState } from '../../../shared/progress/desired-state.ts';
import { askKnownServers } from '../../supervisor/known-servers.ts';

const SAID: Record<DesiredState, string> = {
  running: 'resume requested',
  paused: 'pause requested: what was read is still written, nothing more is read',
  stopped: 'stop requested: what is in flight is finished, and `weir run` ends',
};

/** Writes down, at the target, what is wanted of a pipeline; its services follow within seconds. */
export async function runLifecycle(pipeline: string, desired: DesiredState): Promise<number> {
  const found = await askKnownServers(`weir/${pipeline}/lifecycle`, (hub) =>
    ask(hub, pipeline, desired),
  );
  if (found === null)
    throw new WeirError(
      'CONFIG_INVALID',
      `no pipeline runs on this machine; name the NATS server of ${pipeline} in WEIR_NATS_URL`,
    );
  if ('asked' in found)
    throw new WeirError(
      'UNREACHABLE',
      `no target-writer of ${pipeline} answers at ${found.asked}; is it running there?`,
    );
  process.stdout.write(`${pipeline} ${SAID[desired]}\n`);
  return 0;
}

/** Null where no writer of the pipeline is there. */
async function ask(hub: Hub, pipeline: string, desired: DesiredState): Promise<true | null> {
  try {
    return (await askTarget(hub.control, pipeline, { op: 'desire', desired })) || null;
  } catch (error) {
    if (toWeirError(error).code === 'UNREACHABLE') return null;
    throw error;
  }
}
