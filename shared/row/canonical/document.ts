import type { Codec } from './codec.ts';
import { refuse } from './refusal.ts';

/** BSON, to the byte: the one value that is no text. What is inside is looked at where it is read. */
export const documentCodec: Codec = {
  isCanonical: (bytes, from, to) =>
    to - from >= 5 && bytes.readInt32LE(from) === to - from && bytes[to - 1] === 0,
  read: () => refuse('it is no BSON document'),
};
