import { WeirError } from '../errors/weir-error.ts';
import type { RouteForm } from './relation.ts';

/** Writes the binary form of the value whose text is in `source` from `start` to `end`; returns where it ends. */
export type WriteForm = (
  target: Buffer,
  at: number,
  source: Buffer,
  start: number,
  end: number,
) => number;

/** Days from 1970 to 2000, where PostgreSQL's dates start. */
const EPOCH_DAYS = 10_957;
const DAY_MICROS = 86_400_000_000n;
const COLON = 0x3a;
const DASH = 0x2d;

/**
 * PostgreSQL's binary forms (the `…send` functions of its types) of what it prints with the session settings that every
 * connection of Weir has: ISO dates, UTC, hexadecimal bytes. Null where the text is that form already.
 */
export const WRITE_FORMS: Readonly<Record<RouteForm, WriteForm | null>> = {
  same: null,
  bool: (target, at, source, start) => target.writeUInt8(source[start] === 0x74 ? 1 : 0, at),
  int2: (target, at, source, start, end) => target.writeInt16BE(readInt(source, start, end), at),
  int4: (target, at, source, start, end) => target.writeInt32BE(readInt(source, start, end), at),
  oid: (target, at, source, start, end) => target.writeUInt32BE(readInt(source, start, end), at),
  int8: writeInt8,
  uuid: writeHex,
  macaddr: writeHex,
  bytea: (target, at, source, start, end) => writeHex(target, at, source, start + 2, end),
  date: (target, at, source, start, end) => {
    const text = source.toString('latin1', start, end);
    if (text === 'infinity') return target.writeInt32BE(0x7fffffff, at);
    if (text === '-infinity') return target.writeInt32BE(-0x80000000, at);
    return target.writeInt32BE(readDays(text), at);
  },
  time: (target, at, source, start, end) =>
    target.writeBigInt64BE(readMicros(source.toString('latin1', start, end)), at),
  timestamp: (target, at, source, start, end) => {
    const text = source.toString('latin1', start, end);
    if (text === 'infinity') return target.writeBigInt64BE(0x7fffffffffffffffn, at);
    if (text === '-infinity') return target.writeBigInt64BE(-0x8000000000000000n, at);
    const days = BigInt(readDays(text));
    return target.writeBigInt64BE(
      days * DAY_MICROS + readMicros(text.slice(dateEnd(text) + 1)),
      at,
    );
  },
};

function readInt(source: Buffer, start: number, end: number): number {
  const isNegative = source[start] === DASH;
  let value = 0;
  for (let at = isNegative ? start + 1 : start; at < end; at++)
    value = value * 10 + digit(source[at]!);
  return isNegative ? -value : value;
}

function writeInt8(target: Buffer, at: number, source: Buffer, start: number, end: number): number {
  // As many digits as a number holds exactly.
  const value =
    end - start <= 15
      ? BigInt(readInt(source, start, end))
      : BigInt(source.toString('latin1', start, end));
  return target.writeBigInt64BE(value, at);
}

function digit(byte: number): number {
  if (byte < 0x30 || byte > 0x39) throw unreadable();
  return byte - 0x30;
}

/** Pairs of hexadecimal digits, with dashes or colons between some. */
function writeHex(target: Buffer, at: number, source: Buffer, start: number, end: number): number {
  for (let from = start; from < end; from++) {
    if (source[from] === DASH || source[from] === COLON) continue;
    target[at++] = (nibble(source[from]!) << 4) | nibble(source[++from]!);
  }
  return at;
}

function nibble(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  throw unreadable();
}

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

function unreadable(): WeirError {
  return new WeirError('INTERNAL', 'a value of a key does not print as its type prints');
}
