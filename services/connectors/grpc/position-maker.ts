import {
  fromPosition,
  POSITION_BYTES,
  type Position,
  readPosition,
  toPosition,
} from '../../../shared/change/position.ts';

/**
 * Positions for changes that come without one: they grow as changes come, and all of a session's are behind those of
 * every session before it (high: one more than the lane furthest ahead has; low: a counter).
 */
export class PositionMaker {
  readonly #bytes = Buffer.alloc(POSITION_BYTES);
  #low = 0n;

  constructor(reached: Position) {
    const { high } = fromPosition(reached);
    this.#bytes.write(toPosition(high + 1n, 0n), 'hex');
  }

  /** The next one; a view that is valid until the one after it is asked for. */
  next(): Buffer {
    this.#bytes.writeBigUInt64BE(++this.#low, 8);
    return this.#bytes;
  }

  get last(): Position {
    return readPosition(this.#bytes, 0);
  }
}
