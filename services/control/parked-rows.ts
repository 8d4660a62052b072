import type { ParkedEntry, ParkedRow, ParkedSelection } from '../../shared/connector/parking.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { askTarget } from '../../shared/hub/ask.ts';
import { replayParked } from '../../shared/progress/replay-parked.ts';
import type { TargetAnswers, TargetRequest } from '../../shared/progress/target-requests.ts';

/** One step of a long piece of work, of which the writer says meanwhile that it is at it. */
const TIMEOUT_MS = 600_000;

/** Rows that the target of one pipeline refused, looked after through whichever of its writers answers. */
export class ParkedRows {
  readonly hub: Hub;
  readonly #pipeline: string;

  constructor(hub: Hub, pipeline: string) {
    this.hub = hub;
    this.#pipeline = pipeline;
  }

  page(selection: ParkedSelection, after: number): Promise<ParkedEntry[]> {
    return this.#ask({ op: 'parked', selection, after });
  }

  show(id: number): Promise<ParkedRow | null> {
    return this.#ask({ op: 'showParked', id });
  }

  discard(selection: ParkedSelection): Promise<number> {
    return this.#ask({ op: 'discard', selection });
  }

  replay(selection: ParkedSelection): Promise<{ replayed: number; left: number }> {
    return replayParked((step) => this.#ask({ op: 'replay', ...step }), selection);
  }

  #ask<R extends TargetRequest>(body: R): Promise<TargetAnswers[R['op']]> {
    return askTarget(this.hub.control, this.#pipeline, body, TIMEOUT_MS);
  }
}
