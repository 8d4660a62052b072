const BIAS = 6176;
/** So many digits are exact in a number. */
const MOST_DIGITS = 15;
const [ZERO, POINT, MINUS] = [0x30, 0x2e, 0x2d];
const TWO_32 = 2 ** 32;

/**
 * The decimal128 of a number as it is usually written, `-12.50`, in memory that is used again; null where it has more
 * digits than most, an exponent or no digits, which need a library. Zeros at the end are kept.
 */
export function shortDecimal(bytes: Buffer, from: number, to: number): Buffer | null {
  const negative = bytes[from] === MINUS;
  let digits = 0;
  let coefficient = 0;
  let scale = -1;
  for (let at = negative ? from + 1 : from; at < to; at++) {
    const byte = bytes[at]!;
    if (byte === POINT && scale < 0) {
      scale = 0;
      continue;
    }
    const digit = byte - ZERO;
    if (digit < 0 || digit > 9 || ++digits > MOST_DIGITS) return null;
    coefficient = coefficient * 10 + digit;
    if (scale >= 0) scale++;
  }
  if (digits === 0) return null;
  encoded.writeUInt32LE(coefficient % TWO_32, 0);
  encoded.writeUInt32LE(Math.floor(coefficient / TWO_32), 4);
  // Behind the sign 14 bits of exponent; the 49 bits behind it are the coefficient's, and 0 here.
  const exponent = BIAS - Math.max(0, scale);
  encoded.writeUInt32LE(exponent * 2 ** 17 + (negative ? 2 ** 31 : 0), 12);
  return encoded;
}

const encoded = Buffer.alloc(16);
