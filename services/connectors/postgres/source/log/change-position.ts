import { POSITION_BYTES } from '../../../../../shared/change/position.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';

/** Places before the first change at an LSN, for the barriers that a change of shape puts before it. */
const FIRST_CHANGE = 16;
const PLACE_BITS = 13;

/**
 * Positions of the changes of one stream, written in place.
 *
 * High half: LSN of the transaction's commit record. Low half: LSN of the change's own record, shifted, and its place
 * among the changes of that record (a page of COPY is one record of many rows). So a change has the same position
 * however often it is sent and whatever else is published: counting the changes of the transaction would not do,
 * because the publication's tables may differ from one start to the next.
 */
export class ChangePosition {
  /** Owned by this object; whoever keeps it copies it. */
  readonly bytes = Buffer.alloc(POSITION_BYTES);
  #high = 0;
  #low = 0;
  #place = 0;

  /** A transaction begins whose commit record is at this LSN (as two 32-bit halves). */
  begin(high: number, low: number): void {
    if (high >= 2 ** (32 - PLACE_BITS))
      throw new WeirError(
        'NOT_SUPPORTED',
        'The log of the source is longer than 2 PiB, which is as far as positions reach.',
      );
    this.bytes.writeUInt32BE(high, 0);
    this.bytes.writeUInt32BE(low, 4);
    this.#high = 0;
    this.#low = 0;
    this.#place = 0;
  }

  /** The next change, whose record is at this LSN. */
  change(high: number, low: number): Buffer {
    const later = high > this.#high || (high === this.#high && low > this.#low);
    if (later) {
      this.#high = high;
      this.#low = low;
      this.#place = FIRST_CHANGE;
    } else this.#place++;
    return this.#write(this.#place);
  }

  /** A barrier before the change at hand, which has been given its position already. */
  before(index: number): Buffer {
    return this.#write(Math.min(index, FIRST_CHANGE - 1));
  }

  /** Whether a barrier before the change at hand would stand behind `position` and behind all that was given. */
  startsAfter(position: Buffer): boolean {
    if (this.#place !== FIRST_CHANGE) return false;
    const after = this.before(0).compare(position) > 0;
    this.again();
    return after;
  }

  /** A second change of the same record: an update of the key is a delete and an insert. */
  next(): Buffer {
    this.#place++;
    return this.#write(this.#place);
  }

  /** Back to the change at hand. */
  again(): Buffer {
    return this.#write(this.#place);
  }

  #write(place: number): Buffer {
    if (place >= 2 ** PLACE_BITS)
      throw new WeirError('INTERNAL', 'one record of the log holds more changes than a page can');
    const high = ((this.#high << PLACE_BITS) | (this.#low >>> (32 - PLACE_BITS))) >>> 0;
    const low = ((this.#low << PLACE_BITS) | place) >>> 0;
    const bytes = this.bytes;
    bytes[8] = high >>> 24;
    bytes[9] = high >>> 16;
    bytes[10] = high >>> 8;
    bytes[11] = high;
    bytes[12] = low >>> 24;
    bytes[13] = low >>> 16;
    bytes[14] = low >>> 8;
    bytes[15] = low;
    return bytes;
  }
}
