/**
 * Where in the source's log a change stands.
 *
 * 16 bytes that order as unsigned big-endian numbers, written as 32 lower-case hex digits, so that positions
 * compare as strings and as bytes alike. The connector alone knows what the bytes mean; for a log with commit
 * positions they are (commit position: 8 bytes, place of the change in its transaction, not 0: 8 bytes), and
 * (position, 0) is a watermark: everything before `position` has been seen.
 */
export type Position = string & { readonly __brand: 'Position' };

export const POSITION_BYTES = 16;

export const FIRST_POSITION = '0'.repeat(32) as Position;

/** Behind every change there can be. */
export const LAST_POSITION = 'f'.repeat(32) as Position;

export function parsePosition(text: string): Position {
  if (!/^[0-9a-f]{32}$/.test(text)) throw new TypeError(`not a position: "${text.slice(0, 40)}"`);
  return text as Position;
}

export function toPosition(high: bigint, low: bigint): Position {
  return (high.toString(16).padStart(16, '0') + low.toString(16).padStart(16, '0')) as Position;
}

export function fromPosition(position: Position): { high: bigint; low: bigint } {
  return { high: BigInt(`0x${position.slice(0, 16)}`), low: BigInt(`0x${position.slice(16)}`) };
}

export function readPosition(bytes: Buffer, offset: number): Position {
  return bytes.toString('hex', offset, offset + POSITION_BYTES) as Position;
}

export function writePosition(bytes: Buffer, offset: number, position: Position): void {
  bytes.write(position, offset, 'hex');
}

export function maxPosition(positions: Iterable<Position>): Position | null {
  let most: Position | null = null;
  for (const position of positions) if (most === null || position > most) most = position;
  return most;
}

export function minPosition(positions: Iterable<Position>): Position | null {
  let least: Position | null = null;
  for (const position of positions) if (least === null || position < least) least = position;
  return least;
}
