import type { FieldType } from './field-type.ts';

const [MINUS, POINT, ZERO, NINE, COLON, SPACE] = [0x2d, 0x2e, 0x30, 0x39, 0x3a, 0x20];
const [LETTER_T, LETTER_F, BACKSLASH, LETTER_X] = [0x74, 0x66, 0x5c, 0x78];
/** Digits of an integer of so many bits of which any number of that length is one. */
const SAFE_DIGITS: Readonly<Record<number, number>> = { 16: 4, 32: 9, 64: 18 };
const SAFE_DOUBLE = 300;
const SAFE_SINGLE_DIGITS = 6;

/**
 * Whether text of a column is as databases mostly write it, told from its bytes alone: then nothing need be made of it.
 * False in every doubt (`column-text.ts` has the last word).
 */
export function isPlain(field: FieldType, bytes: Buffer, from: number, to: number): boolean {
  switch (field.kind) {
    case 'boolean':
      return to - from === 1 && (bytes[from] === LETTER_T || bytes[from] === LETTER_F);
    case 'integer': {
      const start = bytes[from] === MINUS ? from + 1 : from;
      const count = to - start;
      return count > 0 && count <= SAFE_DIGITS[field.bits]! && areDigits(bytes, start, to);
    }
    case 'single':
      return isDecimal(bytes, from, to) && to - from <= SAFE_SINGLE_DIGITS;
    case 'double':
      return isDecimal(bytes, from, to) && to - from <= SAFE_DOUBLE;
    case 'decimal':
    case 'number':
      return isNumeric(field, bytes, from, to);
    case 'uuid':
      return isUuid(bytes, from, to);
    case 'binary':
      // Its digits are looked at where they are read.
      return bytes[from] === BACKSLASH && bytes[from + 1] === LETTER_X && (to - from) % 2 === 0;
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return isInstant(field.kind, bytes, from, to);
    case 'text':
    case 'json':
    case 'time':
    case 'other':
      return true;
  }
}

function areDigits(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at]! < ZERO || bytes[at]! > NINE) return false;
  return true;
}

/** `-12.50`: digits on both sides of a point, where there is one. */
function isDecimal(bytes: Buffer, from: number, to: number): boolean {
  const start = bytes[from] === MINUS ? from + 1 : from;
  const point = pointIn(bytes, start, to);
  if (!areDigits(bytes, start, point) || point === start) return false;
  return point === to || (point + 1 < to && areDigits(bytes, point + 1, to));
}

function pointIn(bytes: Buffer, from: number, to: number): number {
  for (let at = from; at < to; at++) if (bytes[at] === POINT) return at;
  return to;
}

/** No zero in front and none with a sign, and as many digits behind the point as the column has. */
function isNumeric({ digits, scale }: FieldType, bytes: Buffer, from: number, to: number): boolean {
  if (!isDecimal(bytes, from, to)) return false;
  const start = bytes[from] === MINUS ? from + 1 : from;
  const point = pointIn(bytes, start, to);
  if (bytes[start] === ZERO && (start > from || point > start + 1)) return false;
  if (scale === null) return to - from < 1_000;
  const behind = point === to ? 0 : to - point - 1;
  return behind === scale && point - start <= digits! - scale;
}

function isUuid(bytes: Buffer, from: number, to: number): boolean {
  if (to - from !== 36) return false;
  for (let i = 0; i < 36; i++) {
    const byte = bytes[from + i]!;
    const isHyphen = i === 8 || i === 13 || i === 18 || i === 23;
    if (isHyphen ? byte !== MINUS : !isHex(byte)) return false;
  }
  return true;
}

function isHex(byte: number): boolean {
  return (byte >= ZERO && byte <= NINE) || (byte >= 0x61 && byte <= 0x66);
}

/** `2026-01-28 10:20:30.5+00`: days up to 28, which every month has. */
function isInstant(kind: string, bytes: Buffer, from: number, to: number): boolean {
  if (to - from < 10 || bytes[from + 4] !== MINUS || bytes[from + 7] !== MINUS) return false;
  if (!areDigits(bytes, from, from + 4) || bytes[from] === ZERO) return false;
  const two = (at: number): number =>
    areDigits(bytes, at, at + 2) ? 10 * (bytes[at]! - ZERO) + bytes[at + 1]! - ZERO : 99;
  const [month, day] = [two(from + 5), two(from + 8)];
  if (month < 1 || month > 12 || day < 1 || day > 28) return false;
  if (kind === 'date') return to - from === 10;
  const isTime =
    to - from >= 19 &&
    bytes[from + 10] === SPACE &&
    bytes[from + 13] === COLON &&
    bytes[from + 16] === COLON;
  if (!isTime || two(from + 11) > 23 || two(from + 14) > 59 || two(from + 17) > 59) return false;
  let at = from + 19;
  if (bytes[at] === POINT) {
    const start = at + 1;
    for (at = start; at < to && bytes[at]! >= ZERO && bytes[at]! <= NINE;) at++;
    if (at === start || at - start > 6) return false;
  }
  if (kind === 'timestamp') return at === to;
  // Of UTC, in which all is read.
  return to - at === 3 && bytes[at] === 0x2b && bytes[at + 1] === ZERO && bytes[at + 2] === ZERO;
}
