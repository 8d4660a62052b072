import { Decimal128 } from 'bson';
import { BSON } from './bson-writer.ts';
import type { BsonSlice } from './field-text.ts';
import { trimmed } from './column-text.ts';
import { Misfit } from './misfit.ts';
import { type Digits, parseDigits } from './number-digits.ts';
import { isWrittenSingle } from './single-text.ts';

/** Numbers of BSON as text for columns of numbers, where the column holds exactly that number. */

/** So many digits a double always gives back. */
const DOUBLE_DIGITS = 15;

/** As JavaScript writes it, which is as short as it can be; text that came as a string is as it was. */
function plainText({ type, bytes, from, to }: BsonSlice): string {
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
      return trimmed(bytes.toString('utf8', from + 4, to - 1));
    default:
      throw new Misfit('type');
  }
}

function ofDouble(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

const SPECIAL = /^(?:nan|[+-]?inf(?:inity)?)$/i;

/** The same number without zeros at its end. */
function shortened({ digits, scale, negative }: Digits): Digits {
  const kept = digits.replace(/0+$/, '');
  if (kept === '') return { digits: '', scale: 0, negative: false };
  return { digits: kept, scale: scale - (digits.length - kept.length), negative };
}

function requireDigits(text: string): Digits {
  const digits = parseDigits(text);
  if (digits === null) throw new Misfit('value');
  return digits;
}

export function toIntegerText(value: BsonSlice, bits: number): string {
  // Text is read as the server reads it, which takes no 1.0 and no 1e3 for an integer.
  if (value.type === BSON.string && !/^[+-]?\d+$/.test(plainText(value))) throw new Misfit('value');
  const { digits, scale, negative } = shortened(requireDigits(plainText(value)));
  if (scale > 0 || digits.length - scale > 20) throw new Misfit('value');
  const number = BigInt(`${negative ? '-' : ''}${digits || '0'}${'0'.repeat(-scale)}`);
  if (BigInt.asIntN(bits, number) !== number) throw new Misfit('value');
  return number.toString();
}

/** `scale`: digits behind the point that the column keeps; null where any number of them. */
export function toNumberText(value: BsonSlice, scale: number | null): string {
  const text = plainText(value);
  if (SPECIAL.test(text)) return text;
  const exact = requireDigits(text);
  const { digits, scale: behind } = shortened(exact);
  if (scale !== null && digits !== '' && behind > scale) throw new Misfit('value');
  return text;
}

export function toDoubleText(value: BsonSlice): string {
  const text = plainText(value);
  if (value.type === BSON.double || SPECIAL.test(text)) return text;
  const { digits } = shortened(requireDigits(text));
  const isExact = digits.length <= DOUBLE_DIGITS || isSameInteger(text);
  if (!isExact || !Number.isFinite(Number(text))) throw new Misfit('value');
  return text;
}

function isSameInteger(text: string): boolean {
  return /^-?\d{1,19}$/.test(text) && BigInt(Number(text)) === BigInt(text);
}

/** Of four bytes. */
export function toSingleText(value: BsonSlice): string {
  const text = toDoubleText(value);
  const number = Number(text);
  // A float of four bytes that came as a double is written with all of the digits of that.
  if (SPECIAL.test(text) || Math.fround(number) === number || isWrittenSingle(number)) return text;
  throw new Misfit('value');
}
