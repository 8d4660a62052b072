import { WeirError } from '../../errors/weir-error.ts';

/** Writes the normal form of the value that is in `source` from `start` to `end`; returns where it ends. */
export type WriteForm = (
  target: Buffer,
  at: number,
  source: Buffer,
  start: number,
  end: number,
) => number;

/** No form is longer than the value as it travels but for this much. */
export const MOST_LONGER = 24;

export function unreadable(): WeirError {
  return new WeirError('INTERNAL', 'a value of a key does not print as its type prints');
}
