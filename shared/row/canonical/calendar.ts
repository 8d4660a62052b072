import { refuse } from './refusal.ts';

/**
 * The Gregorian calendar, before its time too. Years are those of astronomers (0 is 1 BC); days are counted from
 * 1970-01-01.
 */
const CYCLE_DAYS = 146_097;
const EPOCH_DAYS = 719_468;

/** After "chrono-Compatible Low-Level Date Algorithms" (Hinnant): years begin in March, so that leap days end them. */
export function toDays(year: number, month: number, day: number): number {
  const marched = month <= 2 ? year - 1 : year;
  const cycle = Math.floor(marched / 400);
  const within = marched - cycle * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const leapDays = Math.floor(within / 4) - Math.floor(within / 100);
  return cycle * CYCLE_DAYS + within * 365 + leapDays + dayOfYear - EPOCH_DAYS;
}

function fromDays(days: number): { year: number; month: number; day: number } {
  const shifted = days + EPOCH_DAYS;
  const cycle = Math.floor(shifted / CYCLE_DAYS);
  const within = shifted - cycle * CYCLE_DAYS;
  const years = Math.floor(
    (within - Math.floor(within / 1460) + Math.floor(within / 36_524) - Math.floor(within / 146_096)) / 365, // prettier-ignore
  );
  const dayOfYear = within - (365 * years + Math.floor(years / 4) - Math.floor(years / 100));
  const marched = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marched + (marched < 10 ? 3 : -9);
  const day = dayOfYear - Math.floor((153 * marched + 2) / 5) + 1;
  return { year: years + cycle * 400 + (month <= 2 ? 1 : 0), month, day };
}

/** Throws `Refusal` where the calendar has no such day. `year` as it is written, from 1 on. */
export function daysOf(year: number, month: number, day: number, isBefore: boolean): number {
  const years = isBefore ? 1 - year : year;
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(years, month))
    refuse('the calendar has no such day');
  return toDays(years, month, day);
}

function daysIn(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]!;
}

/** `2026-01-31` around `time`, and the era behind it where it is the one before. */
export function dayText(days: number, time: string): string {
  const { year, month, day } = fromDays(days);
  const shown = String(year > 0 ? year : 1 - year).padStart(4, '0');
  return `${shown}-${two(month)}-${two(day)}${time}${year > 0 ? '' : ' BC'}`;
}

export function two(part: number): string {
  return String(part).padStart(2, '0');
}

/** Of a second, as it is written behind the point: without zeros at its end. Throws `Refusal` where digits are lost. */
export function fractionText(digits: string | undefined, precision: number): string {
  const kept = (digits ?? '').replace(/0+$/, '');
  if (kept.length > precision)
    refuse(`it has more than ${precision} digits of a second's fraction`);
  return kept === '' ? '' : `.${kept}`;
}
