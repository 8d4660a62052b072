/** What text is made of, told from its bytes without making a string of them. */

export const [MINUS, POINT, ZERO, NINE, COLON, SPACE] = [0x2d, 0x2e, 0x30, 0x39, 0x3a, 0x20];
export const [PLUS, BACKSLASH, LETTER_X] = [0x2b, 0x5c, 0x78];

export function areDigits(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at]! < ZERO || bytes[at]! > NINE) return false;
  return true;
}

/** Two digits as a number; 99 where they are none. */
export function twoDigits(bytes: Buffer, at: number): number {
  return areDigits(bytes, at, at + 2) ? 10 * (bytes[at]! - ZERO) + bytes[at + 1]! - ZERO : 99;
}

export function isLowerHex(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if ((byte < ZERO || byte > NINE) && (byte < 0x61 || byte > 0x66)) return false;
  }
  return true;
}

/** Where the first of them is; `to` where there is none. */
export function indexIn(bytes: Buffer, wanted: number, from: number, to: number): number {
  for (let at = from; at < to; at++) if (bytes[at] === wanted) return at;
  return to;
}

/** `-12.50`: digits without a needless zero in front, and more of them behind a point where there is one. */
export function isDecimal(bytes: Buffer, from: number, to: number): boolean {
  const start = bytes[from] === MINUS ? from + 1 : from;
  const point = indexIn(bytes, POINT, start, to);
  if (!areDigits(bytes, start, point) || point === start) return false;
  if (bytes[start] === ZERO && point > start + 1) return false;
  return point === to || (point + 1 < to && areDigits(bytes, point + 1, to));
}

/** What stands around a value and says nothing: space, tab, line feed, carriage return, vertical tab, form feed. */
const AROUND = /^[ \t\n\r\v\f]+|[ \t\n\r\v\f]+$/g;

export function trimmed(text: string): string {
  return text.replaceAll(AROUND, '');
}
