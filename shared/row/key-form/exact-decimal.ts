/** A decimal number: `digits` times ten to the power of `exponent`, no zero at the end of the digits. */
export interface Decimal {
  digits: bigint;
  exponent: number;
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** Null where the text is no number, or not a finite one. */
export function toDecimal(text: string): Decimal | null {
  const [, sign, whole = '', fraction = '', power = '0'] = DECIMAL.exec(text) ?? [];
  if (sign === undefined || whole + fraction === '') return null;
  const all = whole + fraction;
  const kept = all.replace(/0+$/, '');
  if (kept === '') return { digits: 0n, exponent: 0 };
  const digits = BigInt(sign === '-' ? `-${kept}` : kept);
  return { digits, exponent: Number(power) - fraction.length + (all.length - kept.length) };
}

/** Where a finite double stands to a decimal: 0 where it is exactly that, 1 where the decimal is more, -1 where it is less. */
export function compareDecimal({ digits, exponent }: Decimal, value: number): -1 | 0 | 1 {
  const power = 10n ** BigInt(Math.abs(exponent));
  const scaled = digits << 1074n;
  const [left, right] =
    exponent < 0
      ? [scaled, timesTwoTo1074(value) * power]
      : [scaled * power, timesTwoTo1074(value)];
  return left === right ? 0 : left > right ? 1 : -1;
}

const BITS = new DataView(new ArrayBuffer(8));

/** Which makes every double a whole number. */
function timesTwoTo1074(value: number): bigint {
  BITS.setFloat64(0, Math.abs(value));
  const bits = BITS.getBigUint64(0);
  const exponent = bits >> 52n;
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  const size = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return value < 0 ? -size : size;
}
