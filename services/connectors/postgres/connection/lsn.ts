import { fromPosition, toPosition, type Position } from '../../../../shared/change/position.ts';

/**
 * A place in the write-ahead log as the server prints it: two hexadecimal halves, `16/B374D848`.
 *
 * A position here is (LSN of the commit record, place of the change in its transaction); (LSN, 0) stands before
 * every transaction whose commit record is at LSN or later.
 */
export type Lsn = string & { readonly __brand: 'Lsn' };

export function parseLsn(text: string): Lsn {
  if (!/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/i.test(text)) throw new TypeError(`not an LSN: "${text}"`);
  return text as Lsn;
}

export function lsnToBigInt(lsn: Lsn): bigint {
  const [high, low] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** The watermark at `lsn`. */
export function lsnToPosition(lsn: Lsn): Position {
  return toPosition(lsnToBigInt(lsn), 0n);
}

/** Where reading must start so that everything after `position` comes: its transaction's own LSN. */
export function positionToLsn(position: Position): Lsn {
  const { high } = fromPosition(position);
  const text = `${(high >> 32n).toString(16)}/${(high & 0xffffffffn).toString(16)}`;
  return text.toUpperCase() as Lsn;
}
