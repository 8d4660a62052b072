import { Decimal128 } from 'bson';
import { parseDigits, plainDigits } from '../row/canonical/number-digits.ts';
import { BSON } from './bson-writer.ts';
import type { BsonSlice } from './bson-slice.ts';
import { Misfit } from './misfit.ts';

/** Numbers of BSON as text; what a column makes of that is for its codec to say. Text that came as a string is as it was. */
export function toNumberText({ type, bytes, from, to }: BsonSlice): string {
  switch (type) {
    case BSON.int32:
      return String(bytes.readInt32LE(from));
    case BSON.int64:
      return bytes.readBigInt64LE(from).toString();
    case BSON.double:
      return ofDouble(bytes.readDoubleLE(from));
    case BSON.decimal128:
      return new Decimal128(Uint8Array.from(bytes.subarray(from, to))).toString();
    case BSON.string:
      return bytes.toString('utf8', from + 4, to - 1);
    default:
      throw new Misfit();
  }
}

function ofDouble(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** For whole numbers of so many digits at most a number with an exponent is written out. */
const MOST_DIGITS = 40;

/** The same, of a number without a fraction (`1.2E+3`, `3.0`) its digits. Text has no such forms. */
export function toWholeText(value: BsonSlice): string {
  const text = toNumberText(value);
  if (value.type === BSON.string) return text;
  const parsed = parseDigits(text);
  if (parsed === null || parsed.digits.length - parsed.scale > MOST_DIGITS) return text;
  return plainDigits(parsed, 0) ?? text;
}
