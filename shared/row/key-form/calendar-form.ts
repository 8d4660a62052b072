import { unreadable, type WriteForm } from './write-form.ts';

/** Days from 1970 to 2000, where PostgreSQL's dates start. */
const EPOCH_DAYS = 10_957;
const DAY_MICROS = 86_400_000_000n;

/**
 * PostgreSQL's binary forms of dates and times, of what it prints with the session settings that every connection of
 * Weir has: ISO dates, UTC.
 */
export const dateOfText: WriteForm = (target, at, source, start, end) => {
  const text = source.toString('latin1', start, end);
  if (text === 'infinity') return target.writeInt32BE(0x7fffffff, at);
  if (text === '-infinity') return target.writeInt32BE(-0x80000000, at);
  return target.writeInt32BE(readDays(text), at);
};

export const timeOfText: WriteForm = (target, at, source, start, end) =>
  target.writeBigInt64BE(readMicros(source.toString('latin1', start, end)), at);

export const timestampOfText: WriteForm = (target, at, source, start, end) => {
  const text = source.toString('latin1', start, end);
  if (text === 'infinity') return target.writeBigInt64BE(0x7fffffffffffffffn, at);
  if (text === '-infinity') return target.writeBigInt64BE(-0x8000000000000000n, at);
  const days = BigInt(readDays(text));
  return target.writeBigInt64BE(days * DAY_MICROS + readMicros(text.slice(dateEnd(text) + 1)), at);
};

/** The time, then its zone in seconds west of UTC: the same instant with another offset is another value. */
export const timetzOfText: WriteForm = (target, at, source, start, end) => {
  const text = source.toString('latin1', start, end);
  const [, time = '', sign, hours, minutes = '0', seconds = '0'] =
    /^([\d:.]+)([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/.exec(text) ?? [];
  if (sign === undefined) throw unreadable();
  const east = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  const to = target.writeBigInt64BE(readMicros(time), at);
  return target.writeInt32BE(sign === '-' ? east : -east, to);
};

/** `2026-01-31`, or `0044-03-15 … BC`; days since 2000. */
function readDays(text: string): number {
  const [, year, month, day] = /^(\d{4,})-(\d\d)-(\d\d)/.exec(text) ?? [];
  if (year === undefined) throw unreadable();
  const years = text.endsWith(' BC') ? 1 - Number(year) : Number(year);
  // `Date.UTC` ends before PostgreSQL's years do; 400 of them have always the same number of days.
  const cycles = Math.floor((years - 2000) / 400);
  const within = Date.UTC(years - cycles * 400, Number(month) - 1, Number(day)) / 86_400_000;
  return cycles * 146_097 + within - EPOCH_DAYS;
}

function dateEnd(text: string): number {
  return text.indexOf(' ');
}

/** `23:59:59.123456`, then a zone of UTC and an era, which say nothing more. */
function readMicros(text: string): bigint {
  const [, hours, minutes, seconds, fraction = ''] =
    /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:\+00)?(?: BC)?$/.exec(text) ?? [];
  if (hours === undefined) throw unreadable();
  const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
}
