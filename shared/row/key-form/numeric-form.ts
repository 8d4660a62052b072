import { unreadable, type WriteForm } from './write-form.ts';

/**
 * PostgreSQL's `numeric` (`numeric_send`) without what does not count for equality, the digits that are shown behind the
 * point: weight (16 bits: which power of 10,000 the first group has), sign (16 bits), then groups of four digits, no
 * group of zeros at either end. 1.5, 1.50 and 01.5 are the same; so are all zeros.
 */
export const numericOfText: WriteForm = (target, at, source, start, end) => {
  const isNegative = source[start] === 0x2d;
  const from = isNegative ? start + 1 : start;
  const special = SPECIALS.get(source[from]!);
  if (special !== undefined)
    return writeHead(target, at, 0, isNegative ? NEGATIVE_INFINITY : special);
  const found = source.subarray(from, end).indexOf(POINT);
  const point = found < 0 ? end : from + found;
  let weight = Math.ceil((point - from) / 4) - 1;
  let to = at + HEAD;
  let last = to;
  let isFirst = true;
  // Of the first group only some digits may be there; behind the point it is the last that may be short.
  let digit = point - 4 * (weight + 1);
  for (let power = weight; digit < end; power--) {
    let group = 0;
    for (let i = 0; i < 4; i++, digit++) {
      if (digit === point) digit++;
      group = group * 10 + (digit < from || digit >= end ? 0 : digitOf(source[digit]!));
    }
    if (isFirst && group === 0) continue;
    if (isFirst) weight = power;
    isFirst = false;
    to = target.writeUInt16BE(group, to);
    if (group !== 0) last = to;
  }
  if (isFirst) return writeHead(target, at, 0, 0);
  writeHead(target, at, weight, isNegative ? NEGATIVE : 0);
  return last;
};

/** Of its binary form: the number of groups, weight, sign, digits shown, groups. */
export const numericOfBinary: WriteForm = (target, at, source, start, end) => {
  const sign = source.readUInt16BE(start + 4);
  if (sign > NEGATIVE) return writeHead(target, at, 0, sign);
  let weight = source.readInt16BE(start + 2);
  let first = start + 8;
  let last = end;
  while (first < last && source.readUInt16BE(first) === 0) {
    first += 2;
    weight--;
  }
  while (last > first && source.readUInt16BE(last - 2) === 0) last -= 2;
  if (first === last) return writeHead(target, at, 0, 0);
  const to = writeHead(target, at, weight, sign);
  return to + source.copy(target, to, first, last);
};

const POINT = 0x2e;
const HEAD = 4;
const NEGATIVE = 0x4000;
const NEGATIVE_INFINITY = 0xf000;
/** By the first letter: NaN and Infinity. */
const SPECIALS: ReadonlyMap<number, number> = new Map([
  [0x4e, 0xc000],
  [0x49, 0xd000],
]);

function writeHead(target: Buffer, at: number, weight: number, sign: number): number {
  target.writeInt16BE(weight, at);
  return target.writeUInt16BE(sign, at + 2);
}

function digitOf(byte: number): number {
  if (byte < 0x30 || byte > 0x39) throw unreadable();
  return byte - 0x30;
}
