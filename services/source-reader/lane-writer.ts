import { encodeFrame } from '../../shared/change/frame.ts';
import type { FrameBody } from '../../shared/change/frame-body.ts';
import { POSITION_BYTES, readPosition, type Position } from '../../shared/change/position.ts';
import { recordLength } from '../../shared/change/change-record.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { rowTooLarge } from '../../shared/change/row-too-large.ts';
import type { Barrier } from '../../shared/change/barrier.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';
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
  readonly #keepsTransactions: boolean;
  /** Of the last change or barrier of a transaction whose end has not been seen yet. */
  #inside: Buffer | null = null;
  /** The last frame that was sent ended inside a transaction. */
  #sentOpen = false;
  readonly #scratch = Buffer.alloc(POSITION_BYTES);
  #sequence = 0;
  #claimed: Position;

  /** `keepsTransactions`: frames tell where transactions end. */
  constructor(
    lane: number,
    publisher: LanePublisher,
    readerEpoch: number,
    start: Position,
    keepsTransactions = false,
  ) {
    this.lane = lane;
    this.#publisher = publisher;
    this.#readerEpoch = readerEpoch;
    this.#keepsTransactions = keepsTransactions;
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
    this.#requireRoom(relation, key, recordLength(key, row));
    this.#frame.append(kind, relation, position, key, row, partial);
    if (this.#keepsTransactions) this.#enter(position);
  }

  /**
   * A transaction has ended before `position`. Where frames end as a rule is where the target can commit: so one that
   * is half full leaves, and so does one behind a frame that ended inside the transaction.
   */
  commit(position: Buffer, sourceTimeMs: number): void {
    // Transactions that are read again, too, end once more.
    if (this.#inside === null || position.compare(this.#inside) <= 0) return;
    this.#inside = null;
    const at = readPosition(position, 0);
    if (this.#sentOpen) this.watermark(at, sourceTimeMs);
    else if (this.#frame.bytes >= FRAME_BYTES / 2) this.flush(at, sourceTimeMs);
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
        open: this.#isOpenNow(),
      },
      upTo,
    );
    if (upTo > this.#claimed) this.#claimed = upTo;
    this.#publisher.send(bytes, this.#id(batchKey));
  }

  barrier(position: Position, sourceTimeMs: number, barrier: Barrier): void {
    if (barrier.kind === 'move')
      for (const { key, row } of barrier.moves)
        this.#requireRoom(barrier.relation, Buffer.from(key, 'base64'), key.length + row.length);
    if (this.#keepsTransactions) this.#enter(Buffer.from(position, 'hex'));
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
        open: this.#isOpenNow(),
        body,
      },
      new Uint8Array(),
    );
    this.#publisher.send(bytes, this.#id(batchKey));
  }

  /** Throws ROW_TOO_LARGE. */
  #requireRoom(relation: Relation, key: Buffer, bytes: number): void {
    const { maxRowBytes } = this.#publisher;
    if (bytes > maxRowBytes) throw rowTooLarge(relation, key, bytes, maxRowBytes);
  }

  #enter(position: Buffer): void {
    position.copy(this.#scratch);
    this.#inside = this.#scratch;
  }

  /** Of a frame that is about to be sent. */
  #isOpenNow(): boolean {
    this.#sentOpen = this.#inside !== null;
    return this.#sentOpen;
  }

  /** Unique for the frame and the epoch: the same batch sent again by a later reader is no duplicate. */
  #id(batchKey: string): string {
    return `${this.#readerEpoch}-${this.#sequence}-${batchKey}`;
  }
}
