import { two } from './calendar.ts';
import { areDigits, COLON, POINT, twoDigits, ZERO } from './plain-bytes.ts';
import { refuse } from './refusal.ts';

/** Times of a day and offsets from UTC, in seconds. */

const OFFSET = /^([+-])(\d\d)(?::(\d\d)(?::(\d\d))?|(\d\d))?$/;
/** Less than 16 hours from UTC. */
const MOST_OFFSET = 16 * 3600;
export const DAY_SECONDS = 86_400;

/** Throws `Refusal` where a clock does not show it. */
export function clockSeconds(
  hour: string,
  minute: string,
  second: string | undefined,
  most: number,
): number {
  const [hours, minutes, seconds] = [Number(hour), Number(minute), Number(second ?? 0)];
  const all = hours * 3600 + minutes * 60 + seconds;
  if (minutes > 59 || seconds > 59 || all > most) refuse('a day has no such time');
  return all;
}

export function clockText(seconds: number): string {
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** Whether bytes are `10:20:30.5` to their end, told from them alone. */
export function isPlainClock(bytes: Buffer, from: number, to: number, precision: number): boolean {
  if (to - from < 8 || bytes[from + 2] !== COLON || bytes[from + 5] !== COLON) return false;
  if (twoDigits(bytes, from) > 23 || twoDigits(bytes, from + 3) > 59) return false;
  if (twoDigits(bytes, from + 6) > 59) return false;
  const digits = to - from - 9;
  if (digits < 0) return digits === -1;
  const isFraction = bytes[from + 8] === POINT && digits > 0 && digits <= precision;
  return isFraction && areDigits(bytes, from + 9, to) && bytes[to - 1] !== ZERO;
}

/** East of UTC. Throws `Refusal` where it is no offset. */
export function offsetSeconds(text: string): number {
  if (text === 'Z') return 0;
  const [, sign, hours, split = '0', seconds = '0', minutes = split] =
    OFFSET.exec(text) ?? refuse('its offset from UTC is none as +05:30');
  const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  const isOffset = Number(minutes) < 60 && Number(seconds) < 60 && size < MOST_OFFSET;
  if (!isOffset) refuse('its offset from UTC is none as +05:30');
  return sign === '-' ? 0 - size : size;
}

export function offsetText(seconds: number): string {
  const size = Math.abs(seconds);
  const [minutes, rest] = [Math.floor(size / 60) % 60, size % 60];
  const behind = rest > 0 ? `:${two(minutes)}:${two(rest)}` : minutes > 0 ? `:${two(minutes)}` : '';
  return `${seconds < 0 ? '-' : '+'}${two(Math.floor(size / 3600))}${behind}`;
}
