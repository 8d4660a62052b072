import { HEAD_BYTES, TRAILER_BYTES } from '../../connection/copy-in.ts';
import { MESSAGE_HEADER_BYTES } from '../../connection/wire-message.ts';

/**
 * The rows of a binary COPY, which are tuples as they are: takes off the headers of the CopyData messages that they
 * come in, the signature before them and the mark behind them. Takes bytes cut anywhere.
 */
export class CopiedTuples {
  /** Of the header of the message that begins, as far as it has come. */
  readonly #header = Buffer.alloc(MESSAGE_HEADER_BYTES);
  #headerSeen = 0;
  #bodyLeft = 0;
  #headLeft = HEAD_BYTES;
  /** The last bytes that came: they may be the mark. */
  #held: Buffer = Buffer.alloc(0);

  /** What is known to be rows by now, cut anywhere; new bytes. */
  take(bytes: Buffer): Buffer {
    const taken = Buffer.allocUnsafe(this.#held.length + bytes.length);
    let to = this.#held.copy(taken, 0);
    for (let at = 0; at < bytes.length;) {
      if (this.#bodyLeft === 0) {
        at += this.#readHeader(bytes, at);
        continue;
      }
      const step = Math.min(this.#bodyLeft, bytes.length - at);
      const skip = Math.min(step, this.#headLeft);
      this.#headLeft -= skip;
      this.#bodyLeft -= step;
      to += bytes.copy(taken, to, at + skip, at + step);
      at += step;
    }
    const rows = Math.max(0, to - TRAILER_BYTES);
    this.#held = Buffer.from(taken.subarray(rows, to));
    return taken.subarray(0, rows);
  }

  #readHeader(bytes: Buffer, at: number): number {
    const step = bytes.copy(this.#header, this.#headerSeen, at);
    this.#headerSeen += step;
    if (this.#headerSeen < MESSAGE_HEADER_BYTES) return step;
    this.#headerSeen = 0;
    this.#bodyLeft = this.#header.readInt32BE(1) - 4;
    return step;
  }
}
