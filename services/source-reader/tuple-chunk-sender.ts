import { type ChunkParts, type LastOfChunk, PART_BYTES } from './chunk-parts.ts';
import { TupleCutter } from './tuple-cutter.ts';

/** As `ChunkSender`, for a chunk of tuples: no tuple lies in two parts, so that each part can be read by itself. */
export class TupleChunkSender {
  readonly #parts: ChunkParts;
  readonly #cutter = new TupleCutter(PART_BYTES);

  constructor(parts: ChunkParts) {
    this.#parts = parts;
  }

  receive(bytes: Buffer): Promise<void> | undefined {
    for (const piece of this.#cutter.take(bytes)) this.#parts.sendPayload(piece);
    return this.#parts.ready();
  }

  finish(last: LastOfChunk): void {
    this.#parts.sendPayload(this.#cutter.rest(), last);
  }
}
