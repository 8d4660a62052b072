import { dayText, daysOf, fractionText, toDays } from './calendar.ts';
import { clockSeconds, clockText, DAY_SECONDS, isPlainClock, offsetSeconds } from './clock.ts';
import type { Codec } from './codec.ts';
import { areDigits, MINUS, PLUS, SPACE, trimmed, twoDigits, ZERO } from './plain-bytes.ts';
import { refuse } from './refusal.ts';

const DATE = String.raw`(\d{4,7})-(\d\d)-(\d\d)`;
const CLOCK = String.raw`(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?`;
const DATE_FORM = new RegExp(`^${DATE}( BC)?$`);
const FORM = new RegExp(`^${DATE}[ T]${CLOCK}(Z|[+-][\\d:]+)?( BC)?$`);
/** The first day of the Julian calendar, and the last ones that dates and timestamps have. */
const FIRST_DAY = toDays(-4713, 11, 24);
const LAST_DAY = { date: toDays(5_874_897, 12, 31), timestamp: toDays(294_276, 12, 31) };
const ENDLESS = /^-?infinity$/;

export const dateCodec: Codec = {
  isCanonical: (bytes, from, to) => to - from === 10 && isPlainDay(bytes, from),
  read(text) {
    const plain = trimmed(text);
    if (ENDLESS.test(plain)) return plain;
    const [, year, month, day, before] =
      DATE_FORM.exec(plain) ?? refuse('it is no date as 2026-01-31');
    const days = daysOf(Number(year), Number(month), Number(day), before !== undefined);
    return dayText(inRange(days, 'date'), '');
  },
};

/** With a zone: an instant, in UTC. */
export function timestampCodec({ precision, zone }: { precision: number; zone: boolean }): Codec {
  const example = `2026-01-31 23:59:59.123456${zone ? '+00' : ''}`;
  return {
    isCanonical(bytes, from, to) {
      const end = zone ? to - 3 : to;
      if (end - from < 19 || !isPlainDay(bytes, from) || bytes[from + 10] !== SPACE) return false;
      return (
        isPlainClock(bytes, from + 11, end, precision) && (!zone || isUtc(bytes, end)) // prettier-ignore
      );
    },
    read(text) {
      const plain = trimmed(text);
      if (ENDLESS.test(plain)) return plain;
      const [, year, month, day, hour, minute, second, fraction, offset, before] =
        FORM.exec(plain) ?? refuse(`it is no timestamp as ${example}`);
      if (zone && offset === undefined) refuse('it does not say its offset from UTC');
      if (!zone && offset !== undefined) refuse('it says an offset from UTC, and the type has none'); // prettier-ignore
      const days = daysOf(Number(year), Number(month), Number(day), before !== undefined);
      const clock = clockSeconds(hour!, minute!, second, DAY_SECONDS - 1);
      const seconds = days * DAY_SECONDS + clock - offsetSeconds(offset ?? 'Z');
      const whole = Math.floor(seconds / DAY_SECONDS);
      const time = clockText(seconds - whole * DAY_SECONDS);
      const shown = fractionText(fraction, precision);
      return dayText(inRange(whole, 'timestamp'), ` ${time}${shown}${zone ? '+00' : ''}`);
    },
  };
}

function inRange(days: number, kind: 'date' | 'timestamp'): number {
  const isIn = days >= FIRST_DAY && days <= LAST_DAY[kind];
  return isIn ? days : refuse('it is beyond the days that databases count');
}

/** `2026-01-28`: of years that are written with four digits, and days that every month has. */
function isPlainDay(bytes: Buffer, from: number): boolean {
  if (bytes[from + 4] !== MINUS || bytes[from + 7] !== MINUS) return false;
  if (!areDigits(bytes, from, from + 4) || bytes[from] === ZERO) return false;
  const month = twoDigits(bytes, from + 5);
  const day = twoDigits(bytes, from + 8);
  return month >= 1 && month <= 12 && day >= 1 && day <= 28;
}

function isUtc(bytes: Buffer, at: number): boolean {
  return bytes[at] === PLUS && bytes[at + 1] === ZERO && bytes[at + 2] === ZERO;
}
