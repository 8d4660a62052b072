import { unreadable, type WriteForm } from './write-form.ts';

/** PostgreSQL's binary forms of integers, big-endian, and of what it prints in hexadecimal digits. */
export const int2OfText: WriteForm = (target, at, source, start, end) =>
  target.writeInt16BE(readInt(source, start, end), at);

export const int4OfText: WriteForm = (target, at, source, start, end) =>
  target.writeInt32BE(readInt(source, start, end), at);

export const oidOfText: WriteForm = (target, at, source, start, end) =>
  target.writeUInt32BE(readInt(source, start, end), at);

export const int8OfText: WriteForm = (target, at, source, start, end) => {
  // As many digits as a number holds exactly.
  const value =
    end - start <= 15
      ? BigInt(readInt(source, start, end))
      : BigInt(source.toString('latin1', start, end));
  return target.writeBigInt64BE(value, at);
};

export const boolOfText: WriteForm = (target, at, source, start) =>
  target.writeUInt8(source[start] === 0x74 ? 1 : 0, at);

/** Pairs of hexadecimal digits, with dashes or colons between some. */
export const hexOfText: WriteForm = (target, at, source, start, end) => {
  for (let from = start; from < end; from++) {
    if (source[from] === DASH || source[from] === COLON) continue;
    target[at++] = (nibble(source[from]!) << 4) | nibble(source[++from]!);
  }
  return at;
};

/** Behind `\x`. */
export const byteaOfText: WriteForm = (target, at, source, start, end) =>
  hexOfText(target, at, source, start + 2, end);

const COLON = 0x3a;
const DASH = 0x2d;

function readInt(source: Buffer, start: number, end: number): number {
  const isNegative = source[start] === DASH;
  let value = 0;
  for (let at = isNegative ? start + 1 : start; at < end; at++)
    value = value * 10 + digit(source[at]!);
  return isNegative ? -value : value;
}

function digit(byte: number): number {
  if (byte < 0x30 || byte > 0x39) throw unreadable();
  return byte - 0x30;
}

function nibble(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  throw unreadable();
}
