import type { Codec } from './codec.ts';
import { refuse } from './refusal.ts';

/** Half of a pair of UTF-16, which has no bytes in UTF-8. */
const LONE_HALF = /[\ud800-\udfff]/u;

export function stringCodec({ length, fixed }: { length: number | null; fixed: boolean }): Codec {
  return {
    isCanonical(bytes, from, to) {
      const zero = bytes.indexOf(0, from);
      if (zero >= 0 && zero < to) return false;
      if (length === null) return true;
      return fixed ? to - from === length && isAscii(bytes, from, to) : to - from <= length;
    },
    read(text) {
      requireText(text);
      if (length === null || (text.length <= length && !fixed)) return text;
      const characters = countCharacters(text);
      if (characters > length) refuse(`it has more than ${length} characters`);
      return fixed ? text + ' '.repeat(length - characters) : text;
    },
  };
}

/** Throws `Refusal` where text could not be stored as it is. */
export function requireText(text: string): void {
  if (text.includes('\0')) refuse('it has the character U+0000, which text of SQL cannot hold');
  if (hasLoneHalf(text)) refuse('it has half of a surrogate pair, which is no character');
}

export function hasLoneHalf(text: string): boolean {
  return LONE_HALF.test(text);
}

function countCharacters(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0xdc00 || code > 0xdfff) count++;
  }
  return count;
}

function isAscii(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at]! > 0x7f) return false;
  return true;
}
