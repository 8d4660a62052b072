/**
 * The canonical form of the values of one type (README.md beside this file). Compiled once for a column; holds no state,
 * and makes nothing for a value that is in that form already.
 */
export interface Codec {
  /** Whether the bytes are the canonical form of a value, told from them alone; false in every doubt. */
  isCanonical(bytes: Buffer, from: number, to: number): boolean;
  /** The canonical form of text that is understood to be a value. Throws `Refusal`. */
  read(text: string): string;
}
