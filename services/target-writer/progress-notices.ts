import type { Position } from '../../shared/change/position.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { publishNotice } from '../../shared/hub/notices.ts';

/** Lanes that move within so long are told of together: each notice costs the broker and everyone who listens. */
const TOGETHER_MS = 5;

/** Tells how far the lanes have come in the target. */
export class ProgressNotices {
  readonly #hub: Hub;
  readonly #pipeline: string;
  #moved = new Map<number, Position>();

  constructor(hub: Hub, pipeline: string) {
    this.#hub = hub;
    this.#pipeline = pipeline;
  }

  moved(lane: number, position: Position): void {
    if (this.#moved.size === 0) setTimeout(() => this.#tell(), TOGETHER_MS);
    this.#moved.set(lane, position);
  }

  #tell(): void {
    const lanes = [...this.#moved];
    this.#moved = new Map();
    publishNotice(this.#hub.control, this.#pipeline, { kind: 'progress', lanes });
  }
}
