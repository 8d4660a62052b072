import { WeirError } from '../../errors/weir-error.ts';

/** Writes the normal form of the value that is in `source` from `start` to `end`; returns where it ends. */
export type WriteForm = (
  target: Buffer,
  at: number,
  source: Buffer,
  start: number,
  end: number,
) => number;

/** The most bytes that values take in their form which travel in `length` bytes. */
export function mostBytes(length: number, values: number): number {
  // Addresses print short, and numbers inside of documents take more than twice what they took.
  return 4 * length + 24 * values;
}

export function unreadable(): WeirError {
  return new WeirError('INTERNAL', 'a value of a key does not print as its type prints');
}
