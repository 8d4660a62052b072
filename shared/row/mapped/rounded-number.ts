import { type Digits, parseDigits } from '../canonical/number-digits.ts';
import { refuse } from '../canonical/refusal.ts';
import { floatText } from '../canonical/shortest-float.ts';
import { specialNumber } from '../canonical/special-number.ts';

/** With at most so many digits behind the point: halves away from zero, as SQL rounds decimals. */
export function roundedDecimal(text: string, scale: number): string {
  const parsed = parseDigits(text);
  if (parsed === null || parsed.scale <= scale) return text;
  const unit = 10n ** BigInt(parsed.scale - scale);
  const whole = (BigInt(parsed.digits || '0') + unit / 2n) / unit;
  return `${parsed.negative ? '-' : ''}${whole}e${-scale}`;
}

/** The float next to the number, of two that are as near the even one. Throws `Refusal` where it has none of its size. */
export function roundedFloat(text: string, bits: 32 | 64): string {
  const named = specialNumber(text);
  if (named !== null) return named;
  const parsed = parseDigits(text) ?? refuse('it is no number');
  const held = bits === 32 ? nearestSingle(text, parsed) : Number(text);
  if (!Number.isFinite(held)) refuse(`it is beyond what a float of ${bits} bits holds`);
  if (held === 0 && parsed.digits !== '')
    refuse(`it is so small that a float of ${bits} bits holds it as 0`);
  return floatText(held, bits);
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);
const double = new Float64Array(1);
const doubleBits = new BigUint64Array(double.buffer);

/**
 * Rounded once. By way of a double it would be rounded twice, and come out on the wrong side where that double lies in
 * the middle between two floats and the number does not.
 */
function nearestSingle(text: string, parsed: Digits): number {
  const near = Number(text);
  const found = Math.fround(near);
  if (found === near || !Number.isFinite(near)) return found;
  const [low, high] = floatsAround(Math.abs(near));
  if ((low + high) / 2 !== Math.abs(near)) return found;
  const side = compareExactly(parsed, Math.abs(near));
  if (side === 0) return found;
  return Math.fround(side < 0 ? low : high) * (near < 0 ? -1 : 1);
}

/** Of a positive number that is no float of 32 bits: the floats below and above, the last of them being 2^128. */
function floatsAround(size: number): [number, number] {
  single[0] = size;
  const isAbove = single[0] > size;
  const place = singleBits[0]!;
  const at = (bits: number): number => {
    singleBits[0] = bits;
    return Number.isFinite(single[0]!) ? single[0]! : 2 ** 128;
  };
  return isAbove ? [at(place - 1), at(place)] : [at(place), at(place + 1)];
}

/** Below 0 where the decimal is less than the double. Both are positive. */
function compareExactly({ digits, scale }: Digits, size: number): number {
  double[0] = size;
  const exponent = Number(doubleBits[0]! >> 52n) - 1075;
  const mantissa = (doubleBits[0]! & ((1n << 52n) - 1n)) | (1n << 52n);
  const power = (base: bigint, by: number): bigint => base ** BigInt(Math.max(0, by));
  const decimal = BigInt(digits) * power(10n, -scale) * power(2n, -exponent);
  const other = mantissa * power(10n, scale) * power(2n, exponent);
  return decimal < other ? -1 : decimal > other ? 1 : 0;
}
