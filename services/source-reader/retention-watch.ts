import type { Logger } from 'pino';
import type { Source } from '../../shared/connector/source.ts';
import { toWeirError, WeirError } from '../../shared/errors/weir-error.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import type { RetentionStatus } from '../../shared/progress/status.ts';
import { RetentionGuard } from './retention-guard.ts';
import type { RetentionPolicy } from '../../shared/config/pipeline-spec.ts';

const SAMPLE_MS = 5_000;

/** The limit was reached and the policy is to stop; the position is still there. */
export class RetentionExceeded extends WeirError {
  constructor(reason: string) {
    super('RETENTION_LIMIT', reason);
  }
}

export interface RetentionWatchOptions {
  source: Pick<Source, 'readRetention'>;
  policy: RetentionPolicy;
  log: Logger;
  onStatus: (status: RetentionStatus | null) => void;
}

/**
 * Looks at what the source keeps for the pipeline every few seconds, whether it runs, is paused or waits for a writer.
 * Tells of a warning once when it comes and once when it goes. Throws `RetentionExceeded` where the policy is to stop.
 */
export async function watchRetention(
  { source, policy, log, onStatus }: RetentionWatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const guard = new RetentionGuard(policy);
  let warned = false;
  while (!signal.aborted) {
    try {
      const now = await source.readRetention();
      const status = now === null ? null : guard.observe(now, Date.now());
      onStatus(status);
      const warning = status?.warning ?? null;
      if (warning !== null && !warned)
        log.warn({ retention: status, reason: warning }, 'source log is filling up');
      else if (warning === null && warned)
        log.info({ retention: status }, 'source log is back within its limit');
      else log.debug({ retention: status }, 'source log checked');
      warned = warning !== null;
      const reason = now === null ? null : guard.reasonToGiveUp(now);
      if (reason !== null) throw new RetentionExceeded(reason);
    } catch (error) {
      if (error instanceof RetentionExceeded) throw error;
      // Following tells of a source that is away; here there is only nothing to see.
      log.debug({ reason: toWeirError(error).message }, 'source log could not be checked');
    }
    await pause(SAMPLE_MS, signal);
  }
}
