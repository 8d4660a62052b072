import { constants } from 'node:buffer';

/** Which message of a frame this is; of how many, and of how many bytes all of them are. */
export interface FramePart {
  index: number;
  count: number;
  wholeBytes: number;
}

/** The header of a part: `2/5/4700000`. */
export function formatPart({ index, count, wholeBytes }: FramePart): string {
  return `${index}/${count}/${wholeBytes}`;
}

/** Of a message with so many bytes; without a header it is a whole frame. Null where it is none of Weir's. */
export function parsePart(text: string, bytes: number): FramePart | null {
  if (text === '') return { index: 0, count: 1, wholeBytes: bytes };
  const match = /^(\d+)\/(\d+)\/(\d+)$/.exec(text);
  if (match === null) return null;
  const [index, count, wholeBytes] = match.slice(1).map(Number) as [number, number, number];
  const isSound = index < count && wholeBytes >= bytes && wholeBytes <= constants.MAX_LENGTH;
  return isSound ? { index, count, wholeBytes } : null;
}

/**
 * A frame while its parts come, in memory of its size from the first one on: joined one by one, the parts of a large
 * frame would be copied again and again, for longer than a lease lives.
 */
export class IncompleteFrame {
  readonly bytes: Buffer;
  readonly replies: string[] = [];
  readonly #count: number;
  #length = 0;

  constructor({ count, wholeBytes }: FramePart) {
    this.bytes = Buffer.allocUnsafeSlow(wholeBytes);
    this.#count = count;
  }

  get isWhole(): boolean {
    return this.replies.length === this.#count;
  }

  /** False where it is not the next part of this frame. */
  add({ index, count, wholeBytes }: FramePart, part: Buffer, reply: string): boolean {
    const end = this.#length + part.length;
    const isNext = index === this.replies.length && count === this.#count;
    if (!isNext || wholeBytes !== this.bytes.length || end > wholeBytes) return false;
    part.copy(this.bytes, this.#length);
    this.#length = end;
    this.replies.push(reply);
    return !this.isWhole || end === wholeBytes;
  }
}
