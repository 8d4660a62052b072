const MESSAGE_HEAD = 5;
const BACKSLASH = 0x5c;
const TAB = 0x09;
const NEWLINE = 0x0a;
const LETTER_N = 0x4e;

/** What stands behind the backslash for a byte that cannot stand for itself; 0 where it can. */
const ESCAPED = new Uint8Array(256);
for (const [byte, letter] of [
  [8, 'b'],
  [TAB, 't'],
  [NEWLINE, 'n'],
  [11, 'v'],
  [12, 'f'],
  [13, 'r'],
  [BACKSLASH, '\\'],
] as const)
  ESCAPED[byte] = letter.charCodeAt(0);

/**
 * Tuples of text values, one after the other, as rows of COPY's text format (manual, "COPY", File Formats), which
 * become the table's own types as they are read. Takes bytes cut anywhere.
 */
export class TupleText {
  #columnsLeft = 0;
  #valueLeft = 0;
  /** Of a count of columns or a length, as far as it has come. */
  #number = 0;
  #numberBytes = 0;

  /** One CopyData message; new bytes. */
  take(bytes: Buffer): Buffer {
    // A byte becomes two at most, and a length has more bytes than the end of its value, but it may have come before.
    const text = Buffer.allocUnsafe(MESSAGE_HEAD + 2 * bytes.length + 4);
    let to = MESSAGE_HEAD;
    for (let at = 0; at < bytes.length;) {
      if (this.#valueLeft > 0) {
        const end = Math.min(at + this.#valueLeft, bytes.length);
        this.#valueLeft -= end - at;
        for (; at < end; at++) {
          const byte = bytes[at]!;
          const letter = ESCAPED[byte]!;
          if (letter !== 0) text[to++] = BACKSLASH;
          text[to++] = letter === 0 ? byte : letter;
        }
      } else {
        const isLength = this.#columnsLeft > 0;
        const need = isLength ? 4 : 2;
        while (this.#numberBytes < need && at < bytes.length) {
          this.#number = (this.#number << 8) | bytes[at++]!;
          this.#numberBytes++;
        }
        if (this.#numberBytes < need) break;
        const number = this.#number;
        this.#number = this.#numberBytes = 0;
        if (!isLength) {
          this.#columnsLeft = number;
          continue;
        }
        if (number < 0) {
          text[to++] = BACKSLASH;
          text[to++] = LETTER_N;
        } else this.#valueLeft = number;
      }
      if (this.#valueLeft === 0) text[to++] = --this.#columnsLeft > 0 ? TAB : NEWLINE;
    }
    text[0] = 0x64;
    text.writeInt32BE(to - 1, 1);
    return text.subarray(0, to);
  }
}

export async function* tuplesToTextMessages(parts: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const rows = new TupleText();
  for await (const part of parts) yield rows.take(part);
}
