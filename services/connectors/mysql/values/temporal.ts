import type { TupleWriter } from './tuple-writer.ts';
import type { ColumnReader } from './column-reader.ts';

const [HYPHEN, COLON, SPACE, POINT, ZERO, PLUS] = [0x2d, 0x3a, 0x20, 0x2e, 0x30, 0x2b];
const DAY_SECONDS = 86_400;

/** Years, months and days may be 0, each or all: they are written as the server writes them. */
function writeDay(year: number, month: number, day: number, out: TupleWriter): void {
  out.digits(year, 4);
  out.ascii(HYPHEN);
  out.digits(month, 2);
  out.ascii(HYPHEN);
  out.digits(day, 2);
}

function writeClock(hour: number, minute: number, second: number, out: TupleWriter): void {
  out.digits(hour, hour > 99 ? 3 : 2);
  out.ascii(COLON);
  out.digits(minute, 2);
  out.ascii(COLON);
  out.digits(second, 2);
}

/** Millionths of a second, without the zeros at their end. */
function writeFraction(micros: number, out: TupleWriter): void {
  if (micros === 0) return;
  out.ascii(POINT);
  out.digits(micros, 6);
  while (out.bytes[out.at - 1] === ZERO) out.at--;
}

function fractionSize(precision: number): number {
  return (precision + 1) >> 1;
}

/** Two digits a byte, big-endian. */
function readMicros(bytes: Buffer, at: number, size: number): number {
  return size === 0 ? 0 : bytes.readUIntBE(at, size) * 100 ** (3 - size);
}

export const dateReader: ColumnReader = (bytes, at, out) => {
  const packed = bytes.readUIntLE(at, 3);
  writeDay(packed >> 9, (packed >> 5) & 15, packed & 31, out);
  return at + 3;
};

/** 40 bits: sign, 17 of year and month, 5 of the day, 5, 6 and 6 of the clock; then the fraction. */
export function datetimeReader(precision: number): ColumnReader {
  const size = fractionSize(precision);
  return (bytes, at, out) => {
    const packed = bytes.readUIntBE(at, 5) - 0x80_0000_0000;
    const day = Math.floor(packed / 0x2_0000);
    const clock = packed % 0x2_0000;
    const months = day >> 5;
    writeDay(Math.floor(months / 13), months % 13, day & 31, out);
    out.ascii(SPACE);
    writeClock(clock >> 12, (clock >> 6) & 63, clock & 63, out);
    writeFraction(readMicros(bytes, at + 5, size), out);
    return at + 5 + size;
  };
}

/** Seconds since 1970 without a sign, and a fraction; no seconds at all are the zero date. */
export function timestampReader(precision: number): ColumnReader {
  const size = fractionSize(precision);
  return (bytes, at, out) => {
    const seconds = bytes.readUInt32BE(at);
    const micros = readMicros(bytes, at + 4, size);
    if (seconds === 0 && micros === 0) writeDay(0, 0, 0, out);
    else writeCivil(Math.floor(seconds / DAY_SECONDS), out);
    const clock = seconds % DAY_SECONDS;
    out.ascii(SPACE);
    writeClock(Math.floor(clock / 3600), Math.floor(clock / 60) % 60, clock % 60, out);
    writeFraction(micros, out);
    out.ascii(PLUS);
    out.digits(0, 2);
    return at + 4 + size;
  };
}

/** Days since 1970 in the calendar: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days. */
function writeCivil(days: number, out: TupleWriter): void {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const inEra = shifted - era * 146_097;
  const year = Math.floor(
    (inEra - Math.floor(inEra / 1460) + Math.floor(inEra / 36_524) - Math.floor(inEra / 146_096)) /
      365,
  );
  const inYear = inEra - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const month = Math.floor((5 * inYear + 2) / 153);
  const civil = month < 10 ? month + 3 : month - 9;
  writeDay(
    year + era * 400 + (civil <= 2 ? 1 : 0),
    civil,
    inYear - Math.floor((153 * month + 2) / 5) + 1,
    out,
  );
}

/** 24 bits of a signed clock and its fraction, as one number: a negative one with a fraction has borrowed from the clock. */
export function timeReader(precision: number): ColumnReader {
  const size = fractionSize(precision);
  const unit = 256 ** size;
  return (bytes, at, out) => {
    const packed = bytes.readUIntBE(at, 3 + size) - 0x80_0000 * unit;
    if (packed < 0) out.ascii(HYPHEN);
    const positive = Math.abs(packed);
    const clock = Math.floor(positive / unit);
    writeClock(clock >> 12, (clock >> 6) & 63, clock & 63, out);
    writeFraction((positive % unit) * 100 ** (3 - size), out);
    return at + 3 + size;
  };
}
