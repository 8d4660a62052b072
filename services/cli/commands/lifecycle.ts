import { toWeirError, WeirError } from '../../../shared/errors/weir-error.ts';
import { connectHub, hostsOf } from '../../../shared/hub/hub.ts';
import { askTarget } from '../../../shared/hub/ask.ts';
import type { DesiredState } from '../../../shared/progress/desired-state.ts';
import { knownNatsUrls } from '../supervisor/known-servers.ts';

const SAID: Record<DesiredState, string> = {
  running: 'is to run',
  paused: 'is to pause: what was read is still written, nothing more is read',
  stopped: 'is to stop: what is in flight is finished, and `weir run` ends',
};

/** Writes down, at the target, what is wanted of a pipeline; its services follow within seconds. */
export async function runLifecycle(pipeline: string, desired: DesiredState): Promise<number> {
  const urls = await knownNatsUrls();
  if (urls.size === 0)
    throw new WeirError(
      'CONFIG_INVALID',
      `no pipeline runs on this machine; name the NATS server of ${pipeline} in WEIR_NATS_URL`,
    );
  for (const url of urls) {
    if ((await ask(url, pipeline, desired)) !== true) continue;
    process.stdout.write(`${pipeline} ${SAID[desired]}\n`);
    return 0;
  }
  throw new WeirError(
    'UNREACHABLE',
    `no target-writer of ${pipeline} answers at ${[...urls].map(hostsOf).join(', ')}; is it running there?`,
  );
}

/** Null where no writer of the pipeline is there. */
async function ask(url: string, pipeline: string, desired: DesiredState): Promise<boolean | null> {
  const hub = await connectHub({ url, name: `weir/${pipeline}/lifecycle` });
  try {
    return await askTarget(hub.control, pipeline, { op: 'desire', desired });
  } catch (error) {
    if (toWeirError(error).code === 'UNREACHABLE') return null;
    throw error;
  } finally {
    await hub.close();
  }
}
