import { minPosition, type Position } from '../../shared/change/position.ts';

/** Knows what every lane has in the target, and tells the source once the least of them has moved. */
export class ReleaseTracker {
  readonly #lanes: Position[];
  readonly #release: (position: Position) => void;
  #released: Position;

  constructor(starts: readonly Position[], release: (position: Position) => void) {
    this.#lanes = [...starts];
    this.#release = release;
    this.#released = minPosition(starts)!;
  }

  get released(): Position {
    return this.#released;
  }

  advance(lane: number, position: Position): void {
    const known = this.#lanes[lane];
    if (known === undefined || position <= known) return;
    this.#lanes[lane] = position;
    const least = minPosition(this.#lanes)!;
    if (least <= this.#released) return;
    this.#released = least;
    this.#release(least);
  }
}
