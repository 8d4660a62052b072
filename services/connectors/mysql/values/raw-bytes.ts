import { floatText } from '../../../../shared/row/canonical/shortest-float.ts';
import type { TupleWriter } from './tuple-writer.ts';

/** Writes a value whose bytes are known. */
export type BytesWriter = (bytes: Buffer, from: number, to: number, out: TupleWriter) => void;

const LOWER = Buffer.from('0123456789abcdef');
const UPPER = Buffer.from('0123456789ABCDEF');
const WITH_SRID = 0x2000_0000;

function writeHex(
  bytes: Buffer,
  from: number,
  to: number,
  out: TupleWriter,
  digits: Buffer = LOWER,
): void {
  out.reserve(2 * (to - from));
  let at = out.at;
  for (let place = from; place < to; place++) {
    const byte = bytes[place]!;
    out.bytes[at++] = digits[byte >> 4]!;
    out.bytes[at++] = digits[byte & 15]!;
  }
  out.at = at;
}

/** The log and the text protocol leave out zeros at the end of a `binary(n)`: they are put back. */
export function writeBytes(padded: number): BytesWriter {
  return (bytes, from, to, out) => {
    out.ascii(0x5c);
    out.ascii(0x78);
    writeHex(bytes, from, to, out);
    for (let count = to - from; count < padded; count++) out.digits(0, 2);
  };
}

/** Big-endian, the highest bits of the first byte unused. */
export function writeBits(length: number): BytesWriter {
  return (bytes, from, to, out) => {
    const unused = 8 * (to - from) - length;
    for (let bit = unused; bit < unused + length; bit++)
      out.ascii(0x30 + ((bytes[from + (bit >> 3)]! >> (7 - (bit & 7))) & 1));
  };
}

/** Number of the coordinate system and WKB, which become EWKB: the number stands behind the first shape's type there. */
export const writeGeometry: BytesWriter = (bytes, from, to, out) => {
  const srid = bytes.readUInt32LE(from);
  const wkb = from + 4;
  if (bytes[wkb] !== 1) throw new RangeError('a geometry is not in little-endian WKB');
  if (srid === 0) {
    writeHex(bytes, wkb, to, out, UPPER);
    return;
  }
  const head = Buffer.allocUnsafe(9);
  head[0] = 1;
  head.writeUInt32LE(bytes.readUInt32LE(wkb + 1) + WITH_SRID, 1);
  head.writeUInt32LE(srid, 5);
  writeHex(head, 0, 9, out, UPPER);
  writeHex(bytes, wkb + 5, to, out, UPPER);
};

export const writeVector: BytesWriter = (bytes, from, to, out) => {
  out.ascii(0x5b);
  for (let at = from; at < to; at += 4) {
    if (at > from) out.ascii(0x2c);
    out.text(floatText(bytes.readFloatLE(at), 32));
  }
  out.ascii(0x5d);
};
