import { floatText } from '../../../../shared/row/canonical/shortest-float.ts';
import type { TupleWriter } from './tuple-writer.ts';
import type { ColumnReader } from './column-reader.ts';

const MINUS = 0x2d;
const POINT = 0x2e;
const TWO_32 = 0x1_0000_0000;
const TEN_9 = 1_000_000_000;

export function integerReader(size: 1 | 2 | 3 | 4, signed: boolean): ColumnReader {
  if (signed)
    return (bytes, at, out) => {
      out.integer(bytes.readIntLE(at, size));
      return at + size;
    };
  return (bytes, at, out) => {
    out.integer(bytes.readUIntLE(at, size));
    return at + size;
  };
}

/** 64 bits: as two halves, divided by a thousand million, since a float holds only 53 of them. */
export function longReader(signed: boolean): ColumnReader {
  return (bytes, at, out) => {
    let low = bytes.readUInt32LE(at);
    let high = bytes.readUInt32LE(at + 4);
    if (signed && high >= TWO_32 / 2) {
      out.ascii(MINUS);
      low = (TWO_32 - low) % TWO_32;
      high = TWO_32 - 1 - high + (low === 0 ? 1 : 0);
    }
    writeLong(high, low, out);
    return at + 8;
  };
}

function writeLong(high: number, low: number, out: TupleWriter): void {
  if (high < 0x20_0000) {
    out.integer(high * TWO_32 + low);
    return;
  }
  // high = q * 10^9 + r; what is left, r * 2^32 + low, is more than a float holds, so it goes by 16 bits.
  const quotient = Math.floor(high / TEN_9);
  let rest = high % TEN_9;
  let whole = quotient;
  for (const part of [low >>> 16, low & 0xffff]) {
    rest = rest * 0x1_0000 + part;
    whole = whole * 0x1_0000 + Math.floor(rest / TEN_9);
    rest %= TEN_9;
  }
  out.integer(whole);
  out.digits(rest, 9);
}

export function floatReader(bits: 32 | 64): ColumnReader {
  return (bytes, at, out) => {
    out.text(floatText(bits === 32 ? bytes.readFloatLE(at) : bytes.readDoubleLE(at), bits));
    return at + bits / 8;
  };
}

/** The year 0, else one behind 1900. */
export const yearReader: ColumnReader = (bytes, at, out) => {
  const year = bytes[at]!;
  out.integer(year === 0 ? 0 : 1900 + year);
  return at + 1;
};

const BYTES_OF_DIGITS = [0, 1, 1, 2, 2, 3, 3, 4, 4] as const;

/** Groups of nine digits in four bytes, big-endian, from the point on in both directions; the first bit is turned over, and all of a negative one. */
export function decimalReader(precision: number, scale: number): ColumnReader {
  const whole = groups(precision - scale).reverse();
  const behind = groups(scale);
  const size = [...whole, ...behind].reduce((sum, digits) => sum + sizeOf(digits), 0);
  const copied = Buffer.allocUnsafe(size);
  return (bytes, at, out) => {
    const isNegative = (bytes[at]! & 0x80) === 0;
    const turned = isNegative ? 0xff : 0;
    for (let place = 0; place < size; place++) copied[place] = bytes[at + place]! ^ turned;
    copied[0]! ^= 0x80;
    const start = out.at;
    if (isNegative) out.ascii(MINUS);
    let from = 0;
    let isStarted = false;
    for (const digits of whole) {
      const group = copied.readUIntBE(from, sizeOf(digits));
      from += sizeOf(digits);
      if (isStarted) out.digits(group, digits);
      else if (group !== 0) {
        out.integer(group);
        isStarted = true;
      }
    }
    if (!isStarted) out.ascii(0x30);
    if (scale > 0) out.ascii(POINT);
    for (const digits of behind) {
      out.digits(copied.readUIntBE(from, sizeOf(digits)), digits);
      from += sizeOf(digits);
    }
    if (isNegative && isZero(out, start + 1)) dropSign(out, start);
    return at + size;
  };
}

/** How many digits each group has, from the point on: nines, then the rest. */
function groups(digits: number): number[] {
  const rest = digits % 9;
  return [...new Array<number>((digits - rest) / 9).fill(9), ...(rest === 0 ? [] : [rest])];
}

function sizeOf(digits: number): number {
  return digits === 9 ? 4 : BYTES_OF_DIGITS[digits]!;
}

function isZero(out: TupleWriter, from: number): boolean {
  for (let at = from; at < out.at; at++)
    if (out.bytes[at] !== 0x30 && out.bytes[at] !== POINT) return false;
  return true;
}

function dropSign(out: TupleWriter, start: number): void {
  out.bytes.copyWithin(start, start + 1, out.at);
  out.at--;
}
