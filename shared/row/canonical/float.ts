import type { Codec } from './codec.ts';
import { parseDigits } from './number-digits.ts';
import { indexIn, isDecimal, MINUS, POINT, trimmed, ZERO } from './plain-bytes.ts';
import { refuse } from './refusal.ts';
import { floatText } from './shortest-float.ts';
import { specialNumber } from './special-number.ts';

/** Decimals of so many digits come back from a float as they were. */
const SAFE_DIGITS = { 32: 6, 64: 15 } as const;
/** As many as `toPrecision` writes. */
const MOST_DIGITS = 100;

export function floatCodec(bits: 32 | 64): Codec {
  const safe = SAFE_DIGITS[bits];
  return {
    /** No exponent, no zero at the end of a fraction, and not so small that it would be written with one. */
    isCanonical(bytes, from, to) {
      if (!isDecimal(bytes, from, to)) return false;
      const start = bytes[from] === MINUS ? from + 1 : from;
      const point = indexIn(bytes, POINT, start, to);
      if (point === to) return to - start <= safe;
      if (to - start - 1 > safe || bytes[to - 1] === ZERO) return false;
      return bytes[start] !== ZERO || point + 4 >= to || !isZeros(bytes, point + 1, point + 5);
    },
    read(text) {
      const plain = trimmed(text);
      const named = specialNumber(plain);
      if (named !== null) return named;
      const { digits } = parseDigits(plain) ?? refuse('it is no number');
      const read = Number(plain);
      const number = bits === 32 ? Math.fround(read) : read;
      if (!Number.isFinite(number)) refuse(`it is beyond what a float of ${bits} bits holds`);
      const significant = digits.replace(/0+$/, '');
      if (number === 0 && significant !== '')
        refuse(`it is so small that a float of ${bits} bits holds it as 0`);
      const written = floatText(number, bits);
      const isExact =
        significant.length <= safe ||
        significant === digitsOf(written) ||
        significant === digitsOf(number.toPrecision(Math.min(significant.length, MOST_DIGITS)));
      if (isExact) return written;
      return refuse(`a float of ${bits} bits would hold another number`);
    },
  };
}

/** Those that count, of a number that is written with or without an exponent. */
function digitsOf(written: string): string {
  return parseDigits(written)!.digits.replace(/0+$/, '');
}

function isZeros(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== ZERO) return false;
  return true;
}
