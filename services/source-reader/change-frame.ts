import { sealFrame, FRAME_HEAD, type FrameHead } from '../../shared/change/frame.ts';
import type { Position } from '../../shared/change/position.ts';
import { readPosition } from '../../shared/change/position.ts';
import { recordLength, writeRecord } from '../../shared/change/change-record.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { shapeText } from '../../shared/change/shape-text.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';

const MAX_KEPT_BYTES = 1 << 20;

/** A lane's open frame: changes are appended as bytes, until it is sealed and sent. */
export class ChangeFrame {
  #payload: Buffer;
  #length = 0;
  #first: Position | null = null;
  #last: Position | null = null;
  readonly #scratch = Buffer.alloc(16);
  #relations: Relation[] = [];
  #count = 0;
  /** The relation of the change before: changes come in runs. */
  #index = 0;

  constructor(capacity: number) {
    this.#payload = Buffer.allocUnsafe(capacity);
  }

  get bytes(): number {
    return this.#length;
  }

  append(
    kind: ChangeKind,
    relation: Relation,
    position: Buffer,
    key: Buffer,
    row: Buffer,
    partial: boolean,
  ): void {
    this.#reserve(recordLength(key, row));
    this.#use(relation);
    this.#length = writeRecord(
      this.#payload,
      this.#length,
      kind,
      this.#index,
      position,
      key,
      row,
      partial,
    );
    this.#first ??= readPosition(position, 0);
    position.copy(this.#scratch);
    this.#count++;
  }

  /**
   * The frame's bytes, and an empty frame again. `upTo` is a watermark: everything before it that concerns the lane
   * is in this frame or an earlier one, so the frame may claim it.
   */
  seal(
    head: Pick<FrameHead, 'lane' | 'readerEpoch' | 'sequence' | 'sourceTimeMs' | 'open'>,
    upTo: Position,
  ): { bytes: Buffer; batchKey: string } {
    this.#last = readPosition(this.#scratch, 0);
    const body = { relations: this.#relations };
    const json = Buffer.from(`{"relations":[${this.#relations.map(shapeText).join(',')}]}`);
    const bytes = Buffer.allocUnsafe(FRAME_HEAD + json.length + this.#length);
    this.#payload.copy(bytes, FRAME_HEAD + json.length, 0, this.#length);
    const batchKey = sealFrame(
      bytes,
      {
        ...head,
        kind: 'changes',
        count: this.#count,
        first: this.#first ?? this.#last,
        last: upTo > this.#last ? upTo : this.#last,
        body,
      },
      json,
    );
    // One huge row must not keep its memory for ever.
    if (this.#payload.length > MAX_KEPT_BYTES) this.#payload = Buffer.allocUnsafe(MAX_KEPT_BYTES);
    this.#length = 0;
    this.#count = 0;
    this.#first = null;
    this.#relations = [];
    return { bytes, batchKey };
  }

  #use(relation: Relation): void {
    if (this.#relations[this.#index] === relation) return;
    this.#index = this.#relations.indexOf(relation);
    if (this.#index >= 0) return;
    this.#index = this.#relations.push(relation) - 1;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#payload.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#payload.length * 2, this.#length + more));
    this.#payload.copy(grown, 0, 0, this.#length);
    this.#payload = grown;
  }
}
