import { FRAME_HEAD, sealFrame, type FrameBody } from '../../shared/change/frame.ts';
import { toPosition } from '../../shared/change/position.ts';
import type { Chunk } from '../../shared/connector/source.ts';
import type { LanePublisher } from '../../shared/hub/lane-publisher.ts';

const PART_BYTES = 512 * 1024;

/** Cuts one chunk's bytes into frames as they come; each byte is copied once, into the frame that carries it. */
export class ChunkSender {
  readonly #chunk: Chunk;
  readonly #lane: number;
  readonly #readerEpoch: number;
  readonly #publisher: LanePublisher;
  readonly #json: Buffer;
  #frame: Buffer;
  #length: number;
  #part = 0;

  constructor(chunk: Chunk, lane: number, readerEpoch: number, publisher: LanePublisher) {
    this.#chunk = chunk;
    this.#lane = lane;
    this.#readerEpoch = readerEpoch;
    this.#publisher = publisher;
    this.#json = this.#encodeBody({});
    this.#frame = this.#newFrame();
    this.#length = FRAME_HEAD + this.#json.length;
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
    return this.#publisher.ready();
  }

  /** Sends the last part with the number of rows of the whole chunk. */
  finish(rows: number): void {
    const json = this.#encodeBody({ rows });
    const payload = this.#frame.subarray(FRAME_HEAD + this.#json.length, this.#length);
    const bytes = Buffer.allocUnsafe(FRAME_HEAD + json.length + payload.length);
    payload.copy(bytes, FRAME_HEAD + json.length);
    this.#send(bytes, json);
  }

  #sendPart(): void {
    this.#send(this.#frame, this.#json);
    this.#frame = this.#newFrame();
    this.#length = FRAME_HEAD + this.#json.length;
  }

  #send(bytes: Buffer, json: Buffer): void {
    const at = toPosition(BigInt(this.#chunk.id), BigInt(this.#part));
    const key = sealFrame(
      bytes,
      {
        kind: 'chunk',
        lane: this.#lane,
        readerEpoch: this.#readerEpoch,
        sequence: this.#part,
        count: 0,
        first: at,
        last: at,
        sourceTimeMs: 0,
        body: {},
      },
      json,
    );
    this.#publisher.send(bytes, `${this.#readerEpoch}-${this.#chunk.id}-${this.#part}-${key}`);
    this.#part++;
  }

  #encodeBody(last: { rows?: number }): Buffer {
    const { id, namespace, how, dataType } = this.#chunk;
    const body: FrameBody = { chunk: { id, namespace, how, dataType, ...last } };
    return Buffer.from(JSON.stringify(body));
  }

  #newFrame(): Buffer {
    return Buffer.allocUnsafe(FRAME_HEAD + this.#json.length + PART_BYTES);
  }
}
