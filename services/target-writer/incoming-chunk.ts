import { decodeFrame, type Frame } from '../../shared/change/frame.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { FailedRow } from '../../shared/change/failed-row.ts';
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
  #heldBytes = 0;
  /** Batch keys of the parts, 8 bytes each in hex. */
  readonly #keys: string[] = [];
  #rows: number | undefined;
  #filtered = 0;
  readonly #failed: FailedRow[] = [];

  constructor(first: Frame, replies: string[], next: NextDelivery, letGo: LetGo) {
    this.#first = first;
    this.replies = [];
    this.#next = next;
    this.#letGo = letGo;
    this.#take(first, replies);
  }

  /** Those that a transformer has left. */
  get rows(): number {
    return (this.#rows ?? 0) - this.#filtered;
  }

  /** `parts`: where else its rows may go, in the order of the plan. */
  head(relation: Relation, parts: readonly Relation[] = []): ChunkHead {
    const { id, namespace, how, dataType } = this.#first.body.chunk!;
    return {
      id,
      namespace,
      how,
      dataType,
      relation,
      ...(parts.length > 0 && { spread: [relation, ...parts] }),
      batchKey: () =>
        hash64(Buffer.from(this.#keys.join(''), 'hex'))
          .toString(16)
          .padStart(16, '0'),
      rows: () => this.rows,
      filtered: () => this.#filtered,
      failed: () => this.#failed,
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
      this.#take(frame, delivery.replies);
      yield frame.payload;
    }
  }

  #take({ payload, batchKey, body }: Frame, replies: readonly string[]): void {
    this.replies.push(...replies);
    this.#heldBytes += payload.length;
    this.#keys.push(batchKey);
    const { rows, filtered = 0, failed = [], relation } = body.chunk ?? {};
    this.#rows = rows;
    this.#filtered += filtered;
    for (const { reason, tuple, key } of failed)
      this.#failed.push({
        reason,
        source: relation!,
        tuple: Buffer.from(tuple, 'base64'),
        key: key === null ? null : Buffer.from(key, 'base64'),
      });
  }

  /** Whether this very part was taken already; the same place with other bytes is another try of the reader. */
  #has({ sequence, batchKey }: Frame): boolean {
    return this.#keys[sequence] === batchKey;
  }
}
