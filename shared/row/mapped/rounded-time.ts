import { dayText, daysOf, fractionText, toDays } from '../canonical/calendar.ts';
import { clockText, DAY_SECONDS } from '../canonical/clock.ts';

const TIME = /^(?:(\d{4,7})-(\d\d)-(\d\d) )?(\d\d):(\d\d):(\d\d)(?:\.(\d+))?([+-][\d:]+)?( BC)?$/;
const MICROS = 1_000_000;
/** PostgreSQL counts from here. */
const FIRST_DAY = toDays(2000, 1, 1);

/**
 * A time or timestamp in canonical form with so many digits of the second's fraction, as PostgreSQL rounds it: to
 * microseconds, halves to the even one, and from these halves away from the year 2000.
 */
export function roundedTime(text: string, precision: number): string {
  const match = TIME.exec(text);
  const [, year, month, day, hour, minute, second, fraction = '', offset = '', era] = match ?? [];
  if (match === null || fraction.length <= precision) return text;
  const days = year === undefined ? null : daysOf(Number(year), Number(month), Number(day), era !== undefined); // prettier-ignore
  const unit = 10 ** Math.max(0, 6 - precision);
  const isBefore = days !== null && days < FIRST_DAY;
  const micros = halvesToEven(Number(`0.${fraction}`) * MICROS);
  const units = isBefore ? Math.ceil(micros / unit - 0.5) : Math.floor(micros / unit + 0.5);
  const rounded = units * unit;
  const total = Number(hour) * 3600 + Number(minute) * 60 + Number(second) + Math.floor(rounded / MICROS); // prettier-ignore
  const kept = fractionText(String(rounded % MICROS).padStart(6, '0'), 6);
  if (days === null) return `${clockText(total)}${kept}${offset}`;
  const whole = Math.floor(total / DAY_SECONDS);
  return dayText(days + whole, ` ${clockText(total - whole * DAY_SECONDS)}${kept}${offset}`);
}

function halvesToEven(number: number): number {
  const floor = Math.floor(number);
  const rest = number - floor;
  if (rest !== 0.5) return Math.round(number);
  return floor % 2 === 0 ? floor : floor + 1;
}
