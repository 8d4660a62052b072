import { fractionText, two } from './calendar.ts';
import type { Codec } from './codec.ts';
import { trimmed } from './plain-bytes.ts';
import { refuse } from './refusal.ts';

const NUMBER = String.raw`([+-]?\d{1,19})`;
const part = (unit: string): string => String.raw`(?:${NUMBER} ?${unit}(?: |$))?`;
const SECONDS = String.raw`([+-]?)(\d{1,19})(?:\.(\d+))?`;
const WORDS = new RegExp(
  `^${part('y(?:ea)?rs?')}${part('mon(?:th)?s?')}${part('w(?:eeks?)?')}${part('d(?:ays?)?')}` +
    `${part('h(?:ou)?rs?')}${part('min(?:ute)?s?')}(?:${SECONDS} ?s(?:ec(?:ond)?s?)?)?` +
    String.raw`(?:([+-]?)(\d{1,19}):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?$`,
  'i',
);
const ISO_NUMBER = String.raw`(-?\d{1,19})`;
const ISO = new RegExp(
  `^P(?:${ISO_NUMBER}Y)?(?:${ISO_NUMBER}M)?(?:${ISO_NUMBER}W)?(?:${ISO_NUMBER}D)?` +
    String.raw`(?:T(?:${ISO_NUMBER}H)?(?:${ISO_NUMBER}M)?(?:(-?)(\d{1,19})(?:\.(\d+))?S)?)?$`,
);
const PRECISION = 6;

/** Months, days and microseconds, each of which counts for itself: a month has no fixed number of days. */
interface Span {
  months: bigint;
  days: bigint;
  micros: bigint;
}

/**
 * `1 year 2 mons -3 days +04:05:06.7`: parts that are 0 are left out, `00:00:00` where all are. Understood are also whole
 * numbers of these and of weeks, hours, minutes and seconds in this order, and durations of ISO 8601.
 */
export const intervalCodec: Codec = {
  isCanonical: () => false,
  read(text) {
    const plain = trimmed(text);
    if (/^-?infinity$/.test(plain)) return plain;
    return intervalText(parseSpan(text));
  },
};

function parseSpan(text: string): Span {
  const plain = trimmed(text);
  const isEmpty = plain === '' || /^PT?$/.test(plain);
  const match = isEmpty ? null : (ISO.exec(text) ?? WORDS.exec(plain));
  if (match === null) refuse('it is no interval as 1 mon -2 days 03:04:05.6');
  const [years, months, weeks, days, hours, minutes] = match.slice(1, 7).map(toBigInt) as [
    bigint, bigint, bigint, bigint, bigint, bigint,
  ]; // prettier-ignore
  const [sign, seconds, fraction, clockSign, clockHours, clockMinutes, clockSeconds, clockFraction] =
    match.slice(7); // prettier-ignore
  if (
    clockMinutes !== undefined &&
    [match[5], match[6], seconds].some((each) => each !== undefined)
  )
    refuse('it has hours, minutes or seconds twice');
  if (Number(clockMinutes ?? 0) > 59 || Number(clockSeconds ?? 0) > 59)
    refuse('an hour has no such minute or second');
  const clock =
    (toBigInt(clockHours) * 60n + toBigInt(clockMinutes)) * 60n + toBigInt(clockSeconds);
  const micros =
    (hours * 60n + minutes) * 60_000_000n +
    signed(sign, toMicros(toBigInt(seconds), fraction)) +
    signed(clockSign, toMicros(clock, clockFraction));
  return {
    months: within(years * 12n + months, 32),
    days: within(weeks * 7n + days, 32),
    micros: within(micros, 64),
  };
}

function toBigInt(text: string | undefined): bigint {
  return BigInt((text ?? '0').replace('+', ''));
}

function toMicros(seconds: bigint, fraction: string | undefined): bigint {
  const digits = fractionText(fraction, PRECISION).slice(1);
  return seconds * 1_000_000n + BigInt(digits.padEnd(PRECISION, '0'));
}

function signed(sign: string | undefined, size: bigint): bigint {
  return sign === '-' ? -size : size;
}

function within(value: bigint, bits: number): bigint {
  return BigInt.asIntN(bits, value) === value ? value : refuse('it is longer than intervals are');
}

/** As SQL's tools have long shown it; the sign of a part stands before it, and `+` only behind a part that is negative. */
function intervalText({ months, days, micros }: Span): string {
  const parts: string[] = [];
  let isBehindNegative = false;
  const put = (value: bigint, unit: string): void => {
    if (value === 0n) return;
    const plus = isBehindNegative && value > 0n ? '+' : '';
    parts.push(`${plus}${value} ${unit}${value === 1n ? '' : 's'}`);
    isBehindNegative = value < 0n;
  };
  put(months / 12n, 'year');
  put(months % 12n, 'mon');
  put(days, 'day');
  if (micros !== 0n || parts.length === 0) {
    const size = micros < 0n ? -micros : micros;
    const seconds = size / 1_000_000n;
    const fraction = String(size % 1_000_000n).padStart(PRECISION, '0');
    const sign = micros < 0n ? '-' : isBehindNegative ? '+' : '';
    const clock = `${two2(seconds / 3600n)}:${two(Number((seconds / 60n) % 60n))}:${two(Number(seconds % 60n))}`;
    parts.push(sign + clock + fractionText(fraction, PRECISION));
  }
  return parts.join(' ');
}

function two2(value: bigint): string {
  return value.toString().padStart(2, '0');
}
