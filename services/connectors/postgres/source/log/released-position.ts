import type { Position } from '../../../../../shared/change/position.ts';

/** How far the target has durably committed, as the source's server is told; never goes back. */
export class ReleasedPosition {
  /** The LSN in 8 bytes. Inside a transaction it is that transaction's own, so the server sends it again. */
  readonly lsn = Buffer.alloc(8);
  /** Grows with each step. */
  version = 0;
  #position: Position;

  constructor(start: Position) {
    this.#position = start;
    this.lsn.write(start.slice(0, 16), 'hex');
  }

  get position(): Position {
    return this.#position;
  }

  advance(position: Position): void {
    if (position <= this.#position) return;
    this.#position = position;
    this.lsn.write(position.slice(0, 16), 'hex');
    this.version++;
  }
}
