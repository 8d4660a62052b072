import type { Logger } from 'pino';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { askTarget } from '../../shared/hub/ask.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import type { TargetAnswers, TargetRequest } from '../../shared/progress/target-requests.ts';

/** Creating many tables takes its time; everything else is answered at once. */
const PLAN_TIMEOUT_MS = 600_000;
const TIMEOUT_MS = 15_000;

/** The reader's way to the target's state: whichever writer is there answers. */
export class TargetClient {
  readonly #hub: Hub;
  readonly #pipeline: string;

  constructor(hub: Hub, pipeline: string) {
    this.#hub = hub;
    this.#pipeline = pipeline;
  }

  ask<R extends TargetRequest>(body: R): Promise<TargetAnswers[R['op']]> {
    const timeoutMs = body.op === 'plan' ? PLAN_TIMEOUT_MS : TIMEOUT_MS;
    return askTarget(this.#hub.control, this.#pipeline, body, timeoutMs);
  }

  /** The answer, or undefined while no writer is there: writers come and go, and the reader reads on. */
  async askIfPresent<R extends TargetRequest>(
    body: R,
  ): Promise<TargetAnswers[R['op']] | undefined> {
    try {
      return await this.ask(body);
    } catch (error) {
      if (error instanceof WeirError && error.code === 'UNREACHABLE') return undefined;
      throw error;
    }
  }

  /** The state, as soon as a writer answers. */
  async waitForState(log: Logger, signal: AbortSignal): Promise<TargetAnswers['state']> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      const state = await this.askIfPresent({ op: 'state' });
      if (state !== undefined) return state;
      if (attempt === 20) log.info('waiting for a target-writer');
      await pause(200, signal);
    }
    throw new DOMException('stopped while waiting for a target-writer', 'AbortError');
  }
}
