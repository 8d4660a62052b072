import { FRAME_HEAD, sealFrame } from '../../shared/change/frame.ts';
import type { FrameBody, ChunkPart } from '../../shared/change/frame-body.ts';
import { toPosition } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { rowTooLarge } from '../../shared/change/row-too-large.ts';
import { keyOf } from '../../shared/change/tuple.ts';
import { TupleSplitter } from '../../shared/change/tuple-splitter.ts';
import type { RefusedRow } from '../../shared/connector/parking.ts';
import type { Chunk } from '../../shared/connector/chunk.ts';
import type { LanePublisher } from '../../shared/hub/lane-publisher.ts';

/** What a part holds at least, unless it is the last. */
export const PART_BYTES = 512 * 1024;

/** What only the last part of a chunk says; `relation` where there are `failed`. */
export type LastOfChunk = Pick<ChunkPart, 'rows' | 'failed' | 'relation'>;

/** As they travel with the last part of a chunk. */
export function refusedRows(relation: Relation, refused: readonly RefusedRow[]): LastOfChunk {
  const failed = refused.map(({ reason, tuple }) => ({
    reason,
    tuple: tuple.toString('base64'),
    key: relation.identity === 'key' ? keyOf(tuple, relation.key).toString('base64') : null,
  }));
  return { failed, relation };
}

/** Of the tuples in a part that is too large. */
function largestKey(relation: Relation, tuples: Buffer): Buffer {
  const [largest] = [...new TupleSplitter().take(tuples)].sort((a, b) => b.length - a.length);
  return keyOf(largest!, relation.key);
}

/** Numbers the parts of one chunk and hands them to the publisher of its lane. */
export class ChunkParts {
  readonly #chunk: Chunk;
  readonly #lane: number;
  readonly #readerEpoch: number;
  readonly #publisher: LanePublisher;
  readonly #relation: Relation | null;
  #part = 0;

  /** `relation`: goes with each part, where somebody is to read the rows in flight. */
  constructor(
    chunk: Chunk,
    lane: number,
    readerEpoch: number,
    publisher: LanePublisher,
    relation: Relation | null,
  ) {
    this.#chunk = chunk;
    this.#lane = lane;
    this.#readerEpoch = readerEpoch;
    this.#publisher = publisher;
    this.#relation = relation;
  }

  /** What describes a part; `rows` with the last one. */
  body(last: LastOfChunk = {}): Buffer {
    const { id, namespace, how, dataType } = this.#chunk;
    const relation = this.#relation === null ? {} : { relation: this.#relation };
    const body: FrameBody = { chunk: { id, namespace, how, dataType, ...relation, ...last } };
    return Buffer.from(JSON.stringify(body));
  }

  /** Sends a part whose payload stands behind the room for head and body. */
  send(bytes: Buffer, body: Buffer): void {
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
      body,
    );
    this.#publisher.send(bytes, `${this.#readerEpoch}-${this.#chunk.id}-${this.#part}-${key}`);
    this.#part++;
  }

  /** The same of a payload that stands elsewhere. */
  sendPayload(payload: Buffer, last: LastOfChunk = {}): void {
    const { maxRowBytes } = this.#publisher;
    if (payload.length > maxRowBytes && this.#relation !== null)
      throw rowTooLarge(
        this.#relation,
        largestKey(this.#relation, payload),
        payload.length,
        maxRowBytes,
      );
    const body = this.body(last);
    const bytes = Buffer.allocUnsafe(FRAME_HEAD + body.length + payload.length);
    payload.copy(bytes, FRAME_HEAD + body.length);
    this.send(bytes, body);
  }

  ready(): Promise<void> | undefined {
    return this.#publisher.ready();
  }
}
