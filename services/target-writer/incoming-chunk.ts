import { decodeFrame, type Frame } from '../../shared/change/frame.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { ChunkHead } from '../../shared/connector/sink.ts';
import { hash64 } from '../../shared/codec/xxhash.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Delivery } from '../../shared/hub/lane-consumer.ts';

/** Where the parts of a chunk come from; null when aborted. */
export type NextDelivery = () => Promise<Delivery | null>;

/** Told of parts that the lane may forget before the chunk is in. */
export type LetGo = (replies: readonly string[]) => void;

/**
 * A chunk may unpack to more than its lane may hold, and the rest of it comes only when there is room. So of a large
 * one the earlier parts are let go of as it goes on; if it then fails, it lacks its beginning, is passed over, and is
 * read again. The last part is never let go of before the chunk is in: an empty lane says that nothing is on its way.
 */
const MAX_HELD_BYTES = 48 << 20;

/** A chunk that was given up by its reader halfway; what comes next in the lane is `next`. */
export class ChunkCutShort extends WeirError {
  readonly next: Delivery | null;

  constructor(next: Delivery | null) {
    super('BROKER_LOST_DATA', 'a chunk was cut short; its reader sends it again');
    this.next = next;
  }
}

/** A chunk while its parts arrive. The lane keeps them in order; a foreign part means that the rest never comes. */
export class IncomingChunk {
  /** Of the parts that came and were not let go of. */
  replies: string[];
  readonly #first: Frame;
  readonly #next: NextDelivery;
  readonly #letGo: LetGo;
  /** Bytes of the parts behind `replies`. */
  #heldBytes: number;
  /** Batch keys of the parts, 8 bytes each. */
  #keys: Buffer;
  #rows: number | undefined;
  #filtered: number;

  constructor(first: Frame, replies: string[], next: NextDelivery, letGo: LetGo) {
    this.#first = first;
    this.replies = [...replies];
    this.#heldBytes = first.payload.length;
    this.#next = next;
    this.#letGo = letGo;
    this.#keys = Buffer.from(first.batchKey, 'hex');
    this.#rows = first.body.chunk?.rows;
    this.#filtered = first.body.chunk?.filtered ?? 0;
  }

  /** Those that a transformer has left. */
  get rows(): number {
    return (this.#rows ?? 0) - this.#filtered;
  }

  head(relation: Relation): ChunkHead {
    const { id, namespace, how, dataType } = this.#first.body.chunk!;
    return {
      id,
      namespace,
      how,
      dataType,
      relation,
      batchKey: () => hash64(this.#keys).toString(16).padStart(16, '0'),
      rows: () => this.rows,
      filtered: () => this.#filtered,
    };
  }

  async *parts(): AsyncGenerator<Buffer> {
    yield this.#first.payload;
    yield* this.#rest();
  }

  /** Passes over what is left of it. */
  async skip(): Promise<void> {
    const rest = this.#rest();
    while ((await rest.next()).done !== true);
  }

  async *#rest(): AsyncGenerator<Buffer> {
    let sequence = 0;
    while (this.#rows === undefined) {
      const delivery = await this.#next();
      if (delivery === null) throw new ChunkCutShort(null);
      const frame = decodeFrame(delivery.bytes);
      const isOurs =
        frame.body.chunk?.id === this.#first.body.chunk!.id &&
        frame.readerEpoch === this.#first.readerEpoch;
      // A transformer that died before it could acknowledge has sent some parts twice.
      if (isOurs && this.#has(frame)) {
        this.replies.push(...delivery.replies);
        continue;
      }
      if (!isOurs || frame.sequence !== ++sequence) throw new ChunkCutShort(delivery);
      if (this.#heldBytes > MAX_HELD_BYTES) {
        this.#letGo(this.replies);
        this.replies = [];
        this.#heldBytes = 0;
      }
      this.replies.push(...delivery.replies);
      this.#heldBytes += frame.payload.length;
      this.#keys = Buffer.concat([this.#keys, Buffer.from(frame.batchKey, 'hex')]);
      this.#rows = frame.body.chunk?.rows;
      this.#filtered += frame.body.chunk?.filtered ?? 0;
      yield frame.payload;
    }
  }

  /** Whether this very part was taken already; the same place with other bytes is another try of the reader. */
  #has({ sequence, batchKey }: Frame): boolean {
    const known = this.#keys.subarray(8 * sequence, 8 * sequence + 8);
    return known.length > 0 && known.toString('hex') === batchKey;
  }
}
