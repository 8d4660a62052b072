import { POSITION_BYTES, readPosition, type Position } from './position.ts';
import { putBytes } from '../codec/put-bytes.ts';
import type { ChangeKind } from './change-kind.ts';

/**
 * One change inside a frame's payload, big-endian:
 *
 *     0  u32  length of the whole record
 *     4  u8   kind: 1 insert, 2 update, 3 delete, 4 move
 *     5  u8   flags: 1 = the row has unchanged columns, 2 = left out by a transformer, 4 = a step failed for it,
 *               8 = part of another change
 *     6  u16  index of the relation in the frame's head
 *     8  16 B position
 *    24  u32  length of the key, then u32 length of the row
 *    32  key, row (`tuple.ts`)
 */
export const RECORD_HEAD = 32;

const KINDS: readonly ChangeKind[] = ['insert', 'update', 'delete', 'move'];
const PARTIAL = 1;
const FILTERED = 2;
const FAILED = 4;
const UNCOUNTED = 8;
const OUTCOMES = { carried: 0, filtered: FILTERED, failed: FAILED, uncounted: UNCOUNTED } as const;

/** What a transformer has made of a change. */
export type Outcome = keyof typeof OUTCOMES;

export function recordLength(key: Uint8Array, row: Uint8Array): number {
  return RECORD_HEAD + key.length + row.length;
}

/** Writes a record at `at` and returns the offset behind it; the caller has made room. */
export function writeRecord(
  target: Buffer,
  at: number,
  kind: ChangeKind,
  relation: number,
  position: Uint8Array,
  key: Uint8Array,
  row: Uint8Array,
  partial: boolean,
  outcome: Outcome = 'carried',
): number {
  const length = recordLength(key, row);
  target.writeUInt32BE(length, at);
  target[at + 4] = KINDS.indexOf(kind) + 1;
  target[at + 5] = (partial ? PARTIAL : 0) | OUTCOMES[outcome];
  target.writeUInt16BE(relation, at + 6);
  putBytes(target, at + 8, position);
  target.writeUInt32BE(key.length, at + 24);
  target.writeUInt32BE(row.length, at + 28);
  return putBytes(target, putBytes(target, at + RECORD_HEAD, key), row);
}

/** Walks the records of a payload without making an object for each; views stay valid as long as the payload. */
export class RecordCursor {
  readonly #payload: Buffer;
  #at = 0;
  #next = 0;

  constructor(payload: Buffer) {
    this.#payload = payload;
  }

  advance(): boolean {
    this.#at = this.#next;
    if (this.#at >= this.#payload.length) return false;
    this.#next = this.#at + this.#payload.readUInt32BE(this.#at);
    return true;
  }

  get kind(): ChangeKind {
    return KINDS[this.#payload[this.#at + 4]! - 1]!;
  }

  get partial(): boolean {
    return (this.#payload[this.#at + 5]! & PARTIAL) !== 0;
  }

  /**
   * A transformer left the change out. It is counted as such, and has no row; an update that has a key takes the row
   * of that key away, which was carried before.
   */
  get filtered(): boolean {
    return (this.#payload[this.#at + 5]! & FILTERED) !== 0;
  }

  /**
   * A step failed for the row, which is to be put aside. `row` is that of the source, also where it was deleted, and `key`
   * the key that it would have at the target, empty where rows have none.
   */
  get failed(): boolean {
    return (this.#payload[this.#at + 5]! & FAILED) !== 0;
  }

  /** It does what belongs to another change, which is counted. */
  get uncounted(): boolean {
    return (this.#payload[this.#at + 5]! & UNCOUNTED) !== 0;
  }

  /** Of the record, as it stands in the payload. */
  get bytes(): Buffer {
    return this.#payload.subarray(this.#at, this.#next);
  }

  get relation(): number {
    return this.#payload.readUInt16BE(this.#at + 6);
  }

  get key(): Buffer {
    const start = this.#at + RECORD_HEAD;
    return this.#payload.subarray(start, start + this.#payload.readUInt32BE(this.#at + 24));
  }

  /** The key's bytes, each as a character: to look it up by. */
  get keyName(): string {
    const start = this.#at + RECORD_HEAD;
    const end = start + this.#payload.readUInt32BE(this.#at + 24);
    return this.#payload.toString('latin1', start, end);
  }

  get row(): Buffer {
    return this.#payload.subarray(
      this.#at + RECORD_HEAD + this.#payload.readUInt32BE(this.#at + 24),
      this.#next,
    );
  }

  /** 16 bytes: a view. */
  get positionBytes(): Buffer {
    return this.#payload.subarray(this.#at + 8, this.#at + 8 + POSITION_BYTES);
  }

  get position(): Position {
    return readPosition(this.#payload, this.#at + 8);
  }

  /** Whether the change stands after `position` (16 bytes). */
  isAfter(position: Buffer): boolean {
    const start = this.#at + 8;
    return this.#payload.compare(position, 0, POSITION_BYTES, start, start + POSITION_BYTES) > 0;
  }
}
