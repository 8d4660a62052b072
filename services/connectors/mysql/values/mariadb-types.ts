import type { BytesWriter } from './raw-bytes.ts';

const HYPHEN = 0x2d;
const HEX = '0123456789abcdef';
const SIZE = 16;

/** Zeros at the end are cut off, as of a `binary`. */
function padded(bytes: Buffer, from: number, to: number, size: number): Buffer {
  const whole = Buffer.alloc(size);
  bytes.copy(whole, 0, from, to);
  return whole;
}

/** In the order of its text, though tables keep most of them in another one. */
export const writeUuid: BytesWriter = (bytes, from, to, out) => {
  const whole = padded(bytes, from, to, SIZE);
  for (let at = 0; at < SIZE; at++) {
    if (at === 4 || at === 6 || at === 8 || at === 10) out.ascii(HYPHEN);
    const byte = whole[at]!;
    out.text(HEX[byte >> 4]! + HEX[byte & 15]!);
  }
};

export const writeInet4: BytesWriter = (bytes, from, to, out) => {
  out.text(padded(bytes, from, to, 4).join('.'));
};

export const writeInet6: BytesWriter = (bytes, from, to, out) => {
  out.text(inet6Text(padded(bytes, from, to, SIZE)));
};

/** As MariaDB prints it: `::` for the longest row of zeros, an IPv4 address behind the beginnings that mean one. */
function inet6Text(whole: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, at) => whole.readUInt16BE(2 * at));
  const [start, length] = longestZeros(groups);
  const isFourWay = length === 6 || (length === 5 && groups[5] === 0xffff);
  const parts = groups.map((group) => group.toString(16));
  if (start === 0 && isFourWay) parts.splice(6, 2, whole.subarray(12).join('.'));
  if (length === 0) return parts.join(':');
  return `${parts.slice(0, start).join(':')}::${parts.slice(start + length).join(':')}`;
}

/** The first of the longest ones. */
function longestZeros(groups: readonly number[]): [start: number, length: number] {
  let found: [number, number] = [0, 0];
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > found[1]) found = [start, end - start];
  }
  return found;
}
