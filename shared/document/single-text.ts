const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/**
 * Whether a number is what a float of four bytes is written as: the shortest decimal that lies nearer to it than to any
 * other (Ryu; the ends of that interval are left out, as PostgreSQL does), and of those the nearest. Any other number would
 * be rounded in a column of such floats.
 */
export function isWrittenSingle(number: number): boolean {
  const single = Math.fround(number);
  if (single === number && (number === 0 || !Number.isFinite(number))) return true;
  if (!Number.isFinite(single) || single === 0) return false;
  const size = Math.abs(number);
  const exact = Math.abs(single);
  const [low, high] = halfway(exact);
  const isIn = (value: number): boolean => value > low && value < high;
  const digits = digitsOf(size);
  if (!isIn(size)) return false;
  for (let fewer = 1; fewer < digits; fewer++) if (nearest(exact, fewer).some(isIn)) return false;
  const [best] = nearest(exact, digits);
  return Math.abs(size - exact) <= Math.abs(best! - exact);
}

/** Of a positive float: the middle between it and the one below, and above. */
function halfway(exact: number): [number, number] {
  float[0] = exact;
  const place = bits[0]!;
  bits[0] = place - 1;
  const below = float[0];
  bits[0] = place + 1;
  const above = Number.isFinite(float[0]) ? float[0] : 2 ** 128;
  return [(below + exact) / 2, (exact + above) / 2];
}

function digitsOf(number: number): number {
  return number.toExponential().replace(/e.*$/, '').replace('.', '').length;
}

/** The nearest decimal of so many digits, and those beside it. */
function nearest(exact: number, digits: number): number[] {
  const [mantissa, exponent] = exact.toExponential(digits - 1).split('e') as [string, string];
  const whole = Number(mantissa.replace('.', ''));
  const shift = Number(exponent) - digits + 1;
  return [whole, whole - 1, whole + 1].map((each) => Number(`${each}e${shift}`));
}
