import type { Logger } from 'pino';
import { pause } from '../../shared/lifecycle/backoff.ts';
import type { TargetClient } from './target-client.ts';

const IDLE_POLL_MS = 1_000;

/** Returns when the pipeline is to run, or was reset while it was idle; until then it is idle, as requested. */
export async function awaitRunning(
  target: TargetClient,
  log: Logger,
  signal: AbortSignal,
  onIdle: (phase: 'paused' | 'stopped') => void,
): Promise<'running' | 'gone' | 'aborted'> {
  let told = false;
  while (!signal.aborted) {
    const progress = await target.askIfPresent({ op: 'progress' });
    if (progress === undefined) {
      await pause(IDLE_POLL_MS / 5, signal);
      continue;
    }
    if (progress === null && told) return 'gone';
    const desired = progress?.desired ?? 'running';
    if (desired === 'running') {
      if (told) log.info({ desired }, 'pipeline resumed');
      return 'running';
    }
    if (!told) log.info({ desired }, 'pipeline is idle, as requested');
    told = true;
    onIdle(desired);
    await pause(IDLE_POLL_MS, signal);
  }
  return 'aborted';
}
