import { encodeFrame, type FrameBody } from '../../shared/change/frame.ts';
import type { Position } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { Barrier, ChangeKind } from '../../shared/connector/source.ts';
import type { LanePublisher } from '../../shared/hub/lane-publisher.ts';
import { ChangeFrame } from './change-frame.ts';

/** A frame is sent when it has so many bytes, or when it has waited for the linger and the broker is not behind. */
const FRAME_BYTES = 256 * 1024;
const MAX_IN_FLIGHT_TO_LINGER = 2;

/** The reader's end of one lane: gives each frame its sequence and hands it to the publisher. */
export class LaneWriter {
  readonly lane: number;
  readonly #publisher: LanePublisher;
  readonly #readerEpoch: number;
  readonly #frame = new ChangeFrame(64 * 1024);
  #sequence = 0;
  #claimed: Position;

  constructor(lane: number, publisher: LanePublisher, readerEpoch: number, start: Position) {
    this.lane = lane;
    this.#publisher = publisher;
    this.#readerEpoch = readerEpoch;
    this.#claimed = start;
    this.#sendBare('hello', start, 0, {});
  }

  append(
    kind: ChangeKind,
    relation: Relation,
    position: Buffer,
    key: Buffer,
    row: Buffer,
    partial: boolean,
  ): void {
    this.#frame.append(kind, relation, position, key, row, partial);
  }

  get isFull(): boolean {
    return this.#frame.bytes >= FRAME_BYTES;
  }

  get isOpen(): boolean {
    return this.#frame.bytes > 0;
  }

  /** Whether the broker has taken most of what was sent, so that a small frame costs nothing. */
  get isKeepingUp(): boolean {
    return this.#publisher.inFlight < MAX_IN_FLIGHT_TO_LINGER;
  }

  /** Sends the open frame; `upTo` as in `ChangeFrame.seal`. */
  flush(upTo: Position, sourceTimeMs: number): void {
    if (!this.isOpen) return;
    const { bytes, batchKey } = this.#frame.seal(
      {
        lane: this.lane,
        readerEpoch: this.#readerEpoch,
        sequence: ++this.#sequence,
        sourceTimeMs,
      },
      upTo,
    );
    if (upTo > this.#claimed) this.#claimed = upTo;
    this.#publisher.send(bytes, this.#id(batchKey));
  }

  barrier(position: Position, sourceTimeMs: number, barrier: Barrier): void {
    this.#sendBare('barrier', position, sourceTimeMs, { barrier });
    this.#claimed = position;
  }

  /** Says that nothing before `position` is missing, unless the lane has said so already. */
  watermark(position: Position, sourceTimeMs: number): void {
    this.flush(position, sourceTimeMs);
    if (position <= this.#claimed) return;
    this.#claimed = position;
    this.#sendBare('watermark', position, sourceTimeMs, {});
  }

  ready(): Promise<void> | undefined {
    return this.#publisher.ready();
  }

  #sendBare(
    kind: 'hello' | 'watermark' | 'barrier',
    position: Position,
    sourceTimeMs: number,
    body: FrameBody,
  ): void {
    const { bytes, batchKey } = encodeFrame(
      {
        kind,
        lane: this.lane,
        readerEpoch: this.#readerEpoch,
        sequence: ++this.#sequence,
        count: 0,
        first: position,
        last: position,
        sourceTimeMs,
        body,
      },
      new Uint8Array(),
    );
    this.#publisher.send(bytes, this.#id(batchKey));
  }

  /** Unique for the frame and the epoch: the same batch sent again by a later reader is no duplicate. */
  #id(batchKey: string): string {
    return `${this.#readerEpoch}-${this.#sequence}-${batchKey}`;
  }
}
