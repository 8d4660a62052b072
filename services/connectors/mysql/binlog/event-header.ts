/** What every event begins with. All numbers of the log are little-endian. */
export interface EventHeader {
  type: number;
  /** Seconds since 1970 of the statement's begin. */
  time: number;
  serverId: number;
  size: number;
  /** Where the event ends in its file, in 32 bits; 0 where the server does not say. */
  end: number;
  flags: number;
}

export const HEADER_SIZE = 19;
/** Made by the server for the reader, in no file. */
export const ARTIFICIAL = 0x20;
export const IGNORABLE = 0x80;

export function parseEventHeader(bytes: Buffer, at: number): EventHeader {
  return {
    time: bytes.readUInt32LE(at),
    type: bytes[at + 4]!,
    serverId: bytes.readUInt32LE(at + 5),
    size: bytes.readUInt32LE(at + 9),
    end: bytes.readUInt32LE(at + 13),
    flags: bytes.readUInt16LE(at + 17),
  };
}
