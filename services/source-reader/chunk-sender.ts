import { FRAME_HEAD } from '../../shared/change/frame.ts';
import { type ChunkParts, type LastOfChunk, PART_BYTES } from './chunk-parts.ts';

/** Cuts one chunk's bytes into frames as they come; each byte is copied once, into the frame that carries it. */
export class ChunkSender {
  readonly #parts: ChunkParts;
  readonly #body: Buffer;
  #frame: Buffer;
  #length: number;

  constructor(parts: ChunkParts) {
    this.#parts = parts;
    this.#body = parts.body();
    this.#frame = this.#newFrame();
    this.#length = FRAME_HEAD + this.#body.length;
  }

  /** Takes bytes over; what is returned resolves when there is room for more. */
  receive(bytes: Buffer): Promise<void> | undefined {
    let from = 0;
    while (from < bytes.length) {
      const copied = bytes.copy(this.#frame, this.#length, from);
      from += copied;
      this.#length += copied;
      if (this.#length === this.#frame.length) this.#sendPart();
    }
    return this.#parts.ready();
  }

  /** Sends the last part with the number of rows of the whole chunk. */
  finish(last: LastOfChunk): void {
    const payload = this.#frame.subarray(FRAME_HEAD + this.#body.length, this.#length);
    this.#parts.sendPayload(payload, last);
  }

  #sendPart(): void {
    this.#parts.send(this.#frame, this.#body);
    this.#frame = this.#newFrame();
    this.#length = FRAME_HEAD + this.#body.length;
  }

  #newFrame(): Buffer {
    return Buffer.allocUnsafe(FRAME_HEAD + this.#body.length + PART_BYTES);
  }
}
