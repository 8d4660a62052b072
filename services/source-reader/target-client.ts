import type { Logger } from 'pino';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { targetSubject } from '../../shared/hub/names.ts';
import { request } from '../../shared/hub/requests.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import type { TargetAnswers, TargetRequest } from '../../shared/progress/target-requests.ts';

/** Creating many tables, or building indexes, takes its time. */
const TIMEOUT_MS = 600_000;

/** The reader's way to the target's state: whichever writer is there answers. */
export class TargetClient {
  readonly #hub: Hub;
  readonly #pipeline: string;

  constructor(hub: Hub, pipeline: string) {
    this.#hub = hub;
    this.#pipeline = pipeline;
  }

  ask<R extends TargetRequest>(body: R): Promise<TargetAnswers[R['op']]> {
    return request(this.#hub.control, targetSubject(this.#pipeline), body, TIMEOUT_MS);
  }

  /** The state, as soon as a writer answers. */
  async waitForState(log: Logger, signal: AbortSignal): Promise<TargetAnswers['state']> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        return await this.ask({ op: 'state' });
      } catch (error) {
        if (!(error instanceof WeirError) || error.code !== 'UNREACHABLE') throw error;
        if (attempt === 20) log.info('waiting for a target-writer');
        await pause(200, signal);
      }
    }
    throw new DOMException('stopped while waiting for a target-writer', 'AbortError');
  }
}
