import type { FieldType } from './field-type.ts';
import { parseDigits, plainDigits } from './number-digits.ts';
import { isWrittenSingle } from './single-text.ts';

/**
 * Text of columns that nobody has written as a database writes it: of CSV, of other programs. What a standard SQL type
 * takes is written as that type writes it (`yes` is `t`, ` +042` is `42`); what it would refuse or round is no value of
 * it. Types that take any text, or that SQL has no name for, are as they are. Forms of PostgreSQL 16 and later
 * (`0xff`, `1_000`) are refused: earlier versions do not take them.
 */

/** What the server passes over around a value: space, tab, line feed, carriage return, vertical tab, form feed. */
const SPACE = /^[ \t\n\r\v\f]+|[ \t\n\r\v\f]+$/g;
const WORDS: readonly [string, number, string][] = [
  ['true', 1, 't'],
  ['false', 1, 'f'],
  ['yes', 1, 't'],
  ['no', 1, 'f'],
  ['on', 2, 't'],
  ['off', 2, 'f'],
  ['1', 1, 't'],
  ['0', 1, 'f'],
];
const UUID = /^[0-9a-f]{4}(-?[0-9a-f]{4}){7}$/i;

/** Null where it is no value of the type. */
export function columnText(field: FieldType, text: string): string | null {
  switch (field.kind) {
    case 'boolean':
      return booleanText(trimmed(text));
    case 'integer':
      return integerText(trimmed(text), field.bits);
    case 'single':
      return singleText(trimmed(text));
    case 'double':
      return doubleText(trimmed(text));
    case 'decimal':
    case 'number':
      return numericText(trimmed(text), field);
    case 'uuid':
      return uuidText(text);
    case 'binary':
      return /^\\x(?:[0-9a-fA-F]{2})*$/.test(text) ? text : null;
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return isInstant(trimmed(text), field.kind) ? text : null;
    case 'text':
    case 'json':
    case 'time':
    case 'other':
      return text;
  }
}

export function trimmed(text: string): string {
  return text.replaceAll(SPACE, '');
}

/** Any beginning of a word that no other word has. */
function booleanText(text: string): string | null {
  const given = text.toLowerCase();
  const word = WORDS.find(([whole, least]) => whole.startsWith(given) && given.length >= least);
  return word === undefined ? null : word[2];
}

function integerText(text: string, bits: number): string | null {
  if (!/^[+-]?\d{1,1000}$/.test(text)) return null;
  const number = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return BigInt.asIntN(bits, number) === number ? number.toString() : null;
}

const SPECIAL: readonly [RegExp, string][] = [
  [/^nan$/i, 'NaN'],
  [/^\+?inf(inity)?$/i, 'Infinity'],
  [/^-inf(inity)?$/i, '-Infinity'],
];

function special(text: string): string | null {
  return SPECIAL.find(([form]) => form.test(text))?.[1] ?? null;
}

function doubleText(text: string): string | null {
  const named = special(text);
  if (named !== null) return named;
  const digits = parseDigits(text);
  const number = Number(text);
  if (digits === null || !Number.isFinite(number)) return null;
  const isZero = /^0*$/.test(digits.digits);
  return number === 0 && !isZero ? null : text;
}

/** What a float of four bytes is written as; any other number would be rounded. */
function singleText(text: string): string | null {
  const plain = doubleText(text);
  if (plain === null || special(text) !== null) return plain;
  return isWrittenSingle(Number(text)) ? text : null;
}

/** Digits before the point and behind it that a value of any size may have. */
const MOST_WHOLE = 131_072;
const MOST_SCALE = 16_383;

function numericText(text: string, { digits: precision, scale }: FieldType): string | null {
  const named = special(text);
  if (named !== null) return named === 'NaN' || scale === null ? named : null;
  const parsed = parseDigits(text);
  if (parsed === null) return null;
  const whole = parsed.digits.length - parsed.scale;
  if (parsed.digits !== '' && whole > (precision === null ? MOST_WHOLE : precision - (scale ?? 0)))
    return null;
  if (parsed.scale > MOST_SCALE) return null;
  return plainDigits(parsed, scale);
}

function uuidText(text: string): string | null {
  const inner = /^\{.*\}$/s.test(text) ? text.slice(1, -1) : text;
  if (!UUID.test(inner)) return null;
  const hex = inner.replaceAll('-', '').toLowerCase();
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const DATE = String.raw`(\d{4,7})-(\d\d)-(\d\d)`;
const TIME = String.raw`[ T](\d\d):(\d\d):(\d\d)(?:\.\d{1,6})?`;
const ZONE = String.raw`(?:Z|[+-](?:0\d|1[0-5])(?::?[0-5]\d(?::?[0-5]\d)?)?)`;
const ERA = '( BC)?';
const FORMS = {
  date: new RegExp(`^${DATE}${ERA}$`),
  timestamp: new RegExp(`^${DATE}${TIME}${ERA}$`),
  timestamptz: new RegExp(`^${DATE}${TIME}${ZONE}${ERA}$`),
} as const;

/** ISO 8601 as the server writes it, or with a T and a Z: whatever else there is depends on settings. */
function isInstant(text: string, kind: keyof typeof FORMS): boolean {
  if (text === 'infinity' || text === '-infinity') return true;
  const match = FORMS[kind].exec(text);
  if (match === null) return false;
  const [, year, month, day, hour = '0', minute = '0', second = '0'] = match
    .map(Number)
    .map(String);
  const isBefore = text.endsWith(' BC');
  const shown = Number(year);
  if (shown === 0 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return false;
  const most = daysIn(isBefore ? 1 - shown : shown, Number(month));
  if (Number(day) < 1 || Number(day) > most) return false;
  return isInRange({ year: shown, month: Number(month), day: Number(day) }, isBefore, kind);
}

function daysIn(year: number, month: number): number {
  if (month < 1 || month > 12) return 0;
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]!;
}

/** From the first day of the Julian calendar, 4714-11-24 BC, to the end of a year (manual, 8.5). */
function isInRange(day: Day, isBefore: boolean, kind: keyof typeof FORMS): boolean {
  if (!isBefore) return day.year <= (kind === 'date' ? 5_874_897 : 294_276);
  return day.year < 4714 || (day.year === 4714 && day.month * 100 + day.day >= 1124);
}

interface Day {
  year: number;
  month: number;
  day: number;
}
