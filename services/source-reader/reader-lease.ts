import type { Logger } from 'pino';
import { toWeirError, WeirError } from '../../shared/errors/weir-error.ts';
import { createWorkerId } from '../../shared/hub/worker-id.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { Leases } from '../../shared/hub/leases.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { runTogether } from '../../shared/lifecycle/run-together.ts';

const LEASE_MS = 10_000;
const KEY = 'reader';

/** Whether some source-reader of the pipeline holds its lease, alive or gone only a moment ago. */
export async function isReaderLeased({ control }: Hub, pipeline: string): Promise<boolean> {
  const leases = await Leases.open(control, pipeline, createWorkerId(), LEASE_MS);
  return (await leases.entries()).has(KEY);
}

export interface ReaderLeaseOptions {
  hub: Hub;
  pipeline: string;
  holder: string;
  log: Logger;
  onProblem: (problem: string) => void;
  /** Told while the lease cannot be renewed; null when it can again. */
  onLate: (problem: string | null) => void;
}

/**
 * Of all source-readers of a pipeline one works; the others stand by and one of them takes over when its lease ends.
 * The lease only says who tries: what fences a reader that was asleep is its epoch at the target.
 */
export async function whileHoldingLease(
  { hub, pipeline, holder, log, onProblem, onLate }: ReaderLeaseOptions,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const leases = await Leases.open(hub.control, pipeline, holder, LEASE_MS);
  for (let attempt = 0; ; attempt++) {
    if (signal.aborted) return;
    const taken = (await leases.entries()).has(KEY);
    if (!taken && (await leases.acquire(KEY))) break;
    // Not another reader, but a broker that is full.
    if (leases.problem !== null) onProblem(leases.problem);
    else if (attempt === 0) log.info('another source-reader is active; standing by');
    await pause(LEASE_MS / 5, signal);
  }
  const over = new AbortController();
  try {
    await runTogether(AbortSignal.any([signal, over.signal]), [
      async (inner) => {
        try {
          await work(inner);
        } finally {
          over.abort();
        }
      },
      async (inner) => {
        for (;;) {
          await pause(LEASE_MS / 4, inner);
          if (inner.aborted) return;
          const renewal = await leases.renew(KEY);
          if (renewal === 'lost')
            throw new WeirError('FENCED', 'another source-reader has taken over this pipeline');
          if (renewal !== 'held') log.warn({ renewal, reason: leases.problem }, 'lease was late');
          onLate(leases.problem);
        }
      },
    ]);
  } finally {
    onLate(null);
    await giveBack(leases, log);
  }
}

/** Where the broker is away the lease expires by itself; that must not hide why the work ended. */
async function giveBack(leases: Leases, log: Logger): Promise<void> {
  try {
    await leases.release(KEY);
  } catch (error) {
    log.debug(
      { reason: toWeirError(error).message },
      'lease was not released; it expires by itself',
    );
  }
}
