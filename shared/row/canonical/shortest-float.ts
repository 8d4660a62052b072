/**
 * Floats as the shortest decimal that comes back as the same float, and of those the nearest to it. A decimal that lies
 * exactly in the middle between two floats is taken for neither, as Ryu's reference does where readers need not agree
 * on how halves are rounded; JavaScript takes those for the even one. Written as C's `%g` writes it: with an exponent of two
 * digits or more from 1e15 (1e6 for 32 bits) on and below 1e-4.
 */
export function floatText(number: number, bits: 32 | 64): string {
  if (Number.isNaN(number)) return 'NaN';
  if (!Number.isFinite(number)) return number < 0 ? '-Infinity' : 'Infinity';
  const sign = number < 0 || Object.is(number, -0) ? '-' : '';
  if (number === 0) return `${sign}0`;
  const size = Math.abs(number);
  const [digits, exponent] = bits === 64 ? shortestDouble(size) : shortestSingle(size);
  return sign + notation(digits, exponent, bits === 64 ? 15 : 6);
}

/** Digits without zeros at their end, the first of them before the point, and the power of ten. */
type Shortest = [digits: string, exponent: number];

function split(text: string): Shortest {
  const [mantissa, exponent] = text.split('e') as [string, string];
  const digits = mantissa.replace('.', '').replace(/0+$/, '');
  return [digits, Number(exponent)];
}

function notation(digits: string, exponent: number, most: number): string {
  if (exponent < -4 || exponent >= most) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

function shortestDouble(size: number): Shortest {
  const shortest = size.toExponential();
  // Below it no middle between two doubles has as few digits.
  if (size < 2 ** 53 || !isMiddle(shortest, size)) return split(shortest);
  for (let digits = split(shortest)[0].length + 1; digits < 17; digits++) {
    const longer = size.toExponential(digits - 1);
    if (Number(longer) === size && !isMiddle(longer, size)) return split(longer);
  }
  return split(size.toExponential(16));
}

const double = new Float64Array(1);
const doubleBits = new BigUint64Array(double.buffer);

function isMiddle(text: string, size: number): boolean {
  const [digits, exponent] = split(text);
  if (exponent < digits.length - 1) return false;
  const twice = 2n * BigInt(digits) * 10n ** BigInt(exponent - digits.length + 1);
  const exact = BigInt(size);
  return [1n, -1n].some((step) => {
    double[0] = size;
    doubleBits[0]! += step;
    return Number.isFinite(double[0]) && exact + BigInt(double[0]) === twice;
  });
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** The middle between a positive float and the one below, and above. */
function halfway(exact: number): [number, number] {
  single[0] = exact;
  const place = singleBits[0]!;
  singleBits[0] = place - 1;
  const below = single[0];
  singleBits[0] = place + 1;
  const above = Number.isFinite(single[0]) ? single[0] : 2 ** 128;
  return [(below + exact) / 2, (exact + above) / 2];
}

function shortestSingle(exact: number): Shortest {
  const [low, high] = halfway(exact);
  for (let digits = 1; digits < 9; digits++) {
    const found = nearest(exact, digits).find((text) => Number(text) > low && Number(text) < high);
    if (found !== undefined) return split(Number(found).toExponential());
  }
  return split(exact.toExponential(8));
}

/** The nearest decimal of so many digits (the even one of two that are as near), and those beside it. */
function nearest(exact: number, digits: number): string[] {
  const [mantissa, exponent] = exact.toExponential(digits - 1).split('e') as [string, string];
  const written = Number(mantissa.replace('.', ''));
  const shift = Number(exponent) - digits + 1;
  // JavaScript has taken the greater of two that are as near.
  const whole = written % 2 === 1 && isBetween(exact, digits) ? written - 1 : written;
  return [whole, whole - 1, whole + 1].filter((each) => each > 0).map((each) => `${each}e${shift}`);
}

/** Whether it lies exactly between two decimals of so many digits. */
function isBetween(exact: number, digits: number): boolean {
  const all = exact.toExponential(100).replace(/e.*$/, '').replace('.', '');
  return /^50*$/.test(all.slice(digits));
}
