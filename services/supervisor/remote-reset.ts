import type { PipelineProgress } from '../../shared/connector/sink.ts';
import { toWeirError, WeirError } from '../../shared/errors/weir-error.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { askReader, askTarget } from '../../shared/hub/ask.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { stillRunning } from '../../shared/progress/still-running.ts';
import { askKnownServers } from './known-servers.ts';

/** Of several readers one that stands by may be asked first, and one that has just been paused is not idle yet. */
const READER_TRIES = 25;
const READER_WAIT_MS = 400;
const RESET_TIMEOUT_MS = 60_000;

/** Looks for the pipeline's services on every known NATS server, and lets them remove it there. */
export async function resetByServices(
  pipeline: string,
  say: (line: string) => void,
  resetBroker: (hub: Hub, url: string) => Promise<void>,
): Promise<void> {
  const found = await askKnownServers(`weir/${pipeline}/reset`, async (hub, url) => {
    if (!(await resetThrough(hub, pipeline, say))) return null;
    await resetBroker(hub, url);
    return true;
  });
  if (found === null)
    throw new WeirError(
      'CONFIG_INVALID',
      `no pipeline runs on this machine; name the NATS server of ${pipeline} in WEIR_NATS_URL, or the pipeline file instead of ${pipeline}`,
    );
  if ('asked' in found) throw nobody(pipeline, `target-writer at ${found.asked}`);
}

/**
 * Lets the idle services of a pipeline remove it at both ends: they have the addresses. In this order whatever ends
 * halfway can be done again: the source refuses while anything runs, and the target's state is what says that there is a
 * pipeline. False where no writer answers here.
 */
export async function resetThrough(
  hub: Hub,
  pipeline: string,
  say: (line: string) => void,
): Promise<boolean> {
  const progress = await readProgress(hub, pipeline);
  if (progress === undefined) return false;
  if (progress?.desired === 'running') throw stillRunning(pipeline);
  const done = await resetSource(hub, pipeline, progress !== null);
  say(done === 'reset' ? `source: nothing of ${pipeline} is left` : ALREADY);
  const timeoutMs = RESET_TIMEOUT_MS;
  await askTarget(hub.control, pipeline, { op: 'reset' }, timeoutMs);
  say(`target: no state of ${pipeline} is left; the copied data stays`);
  return true;
}

const ALREADY = 'source: somebody else has reset the pipeline meanwhile';

/** Undefined where no writer answers, null where the target has no such pipeline. */
async function readProgress(
  { control }: Hub,
  pipeline: string,
): Promise<PipelineProgress | null | undefined> {
  try {
    return await askTarget(control, pipeline, { op: 'progress' });
  } catch (error) {
    if (toWeirError(error).code === 'UNREACHABLE') return undefined;
    throw error;
  }
}

/** The reader ends when the pipeline is gone; whoever comes second may find neither. */
async function resetSource(
  hub: Hub,
  pipeline: string,
  isKnown: boolean,
): Promise<'reset' | 'gone'> {
  for (let tries = 1; ; tries++) {
    try {
      await askReader(hub.control, pipeline, { op: 'reset' }, RESET_TIMEOUT_MS);
      return 'reset';
    } catch (error) {
      if (toWeirError(error).code !== 'UNREACHABLE') throw error;
    }
    if (isKnown && (await readProgress(hub, pipeline)) === null) return 'gone';
    if (!isKnown)
      throw new WeirError(
        'UNREACHABLE',
        `the target has no pipeline ${pipeline}, and no source-reader answers: it was reset already, or it never ran; to make sure of the source, name the pipeline file: weir reset FILE`,
      );
    if (tries >= READER_TRIES) throw nobody(pipeline, 'idle source-reader');
    await pause(READER_WAIT_MS, new AbortController().signal);
  }
}

function nobody(pipeline: string, service: string): WeirError {
  return new WeirError(
    'UNREACHABLE',
    `no ${service} answers for ${pipeline}, so nobody here knows its databases; name the pipeline file: weir reset FILE`,
  );
}
