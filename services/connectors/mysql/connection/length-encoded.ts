/**
 * Integers of variable length as the protocol and the log have them (manual of the protocol, "Protocol::LengthEncodedInteger"):
 * one byte up to 250, else 0xfc, 0xfd or 0xfe and two, three or eight bytes.
 */
export const NULL_MARK = 0xfb;

/** How many bytes the integer at `at` takes, its mark included. */
export function lengthEncodedSize(bytes: Buffer, at: number): number {
  const first = bytes[at]!;
  if (first < 0xfb) return 1;
  return first === 0xfc ? 3 : first === 0xfd ? 4 : first === 0xfe ? 9 : 1;
}

export function readLengthEncoded(bytes: Buffer, at: number): number {
  const first = bytes[at]!;
  if (first < 0xfb) return first;
  if (first === 0xfc) return bytes.readUInt16LE(at + 1);
  if (first === 0xfd) return bytes.readUIntLE(at + 1, 3);
  if (first === 0xfe)
    return bytes.readUInt32LE(at + 1) + bytes.readUInt32LE(at + 5) * 0x1_0000_0000;
  throw new RangeError(`no length begins with the byte ${first}`);
}
