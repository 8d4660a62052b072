import type { Position } from '../../shared/change/position.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { publishNotice } from '../../shared/hub/notices.ts';

/** Lanes that move within so long are told of together: each notice costs the broker and everyone who listens. */
const TOGETHER_MS = 25;

/** Tells how far the lanes have come in the target, and how long ago that was. */
export class ProgressNotices {
  readonly #hub: Hub;
  readonly #pipeline: string;
  #moved = new Map<number, { position: Position; atMs: number }>();

  constructor(hub: Hub, pipeline: string) {
    this.#hub = hub;
    this.#pipeline = pipeline;
  }

  moved(lane: number, position: Position): void {
    if (this.#moved.size === 0) setTimeout(() => this.#tell(), TOGETHER_MS);
    this.#moved.set(lane, { position, atMs: performance.now() });
  }

  #tell(): void {
    const nowMs = performance.now();
    const lanes = [...this.#moved].map(([lane, { position, atMs }]) => ({
      lane,
      position,
      agoMs: Math.round(nowMs - atMs),
    }));
    this.#moved = new Map();
    publishNotice(this.#hub.control, this.#pipeline, { kind: 'progress', lanes });
  }
}
