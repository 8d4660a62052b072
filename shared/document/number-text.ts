import { Decimal128 } from 'bson';
import { BSON } from './bson-writer.ts';
import type { BsonSlice } from './field-text.ts';
import { Misfit } from './misfit.ts';

/** Numbers of BSON as text for columns of numbers, where the column holds exactly that number. */

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,6}))?$/i;
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
      return bytes.toString('utf8', from + 4, to - 1).trim();
    default:
      throw new Misfit('type');
  }
}

function ofDouble(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

const SPECIAL = /^(?:nan|[+-]?inf(?:inity)?)$/i;

interface Digits {
  /** All of them without zeros in front. */
  digits: string;
  /** How many of them are behind the point; negative: zeros follow. */
  scale: number;
  negative: boolean;
}

/** Null where it is no number. */
function parseDigits(text: string): Digits | null {
  const match = NUMBER.exec(text);
  if (match === null) return null;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  if (whole + fraction === '') return null;
  const digits = (whole + fraction).replace(/^0+/, '');
  return { digits, scale: fraction.length - Number(exponent), negative: sign === '-' };
}

/** The same number without zeros at its end. */
function trimmed({ digits, scale, negative }: Digits): Digits {
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
  const { digits, scale, negative } = trimmed(requireDigits(plainText(value)));
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
  if (scale !== null && trimmed(exact).scale > scale) throw new Misfit('value');
  return text;
}

export function toDoubleText(value: BsonSlice): string {
  const text = plainText(value);
  if (value.type === BSON.double || SPECIAL.test(text)) return text;
  const { digits } = trimmed(requireDigits(text));
  const isExact = digits.length <= DOUBLE_DIGITS || isSameInteger(text);
  if (!isExact || !Number.isFinite(Number(text))) throw new Misfit('value');
  return text;
}

function isSameInteger(text: string): boolean {
  return /^-?\d{1,19}$/.test(text) && BigInt(Number(text)) === BigInt(text);
}

/** Of four bytes: the shortest text that stands for one is what it is written as. */
export function toSingleText(value: BsonSlice): string {
  const text = toDoubleText(value);
  const number = Number(text);
  if (SPECIAL.test(text) || Math.fround(number) === number) return text;
  const single = Math.fround(number);
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(number.toPrecision(digits));
    if (Math.fround(short) !== single) continue;
    if (short === number) return text;
    break;
  }
  throw new Misfit('value');
}
