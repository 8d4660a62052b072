import type { Codec } from './codec.ts';
import { isLowerHex } from './plain-bytes.ts';
import { refuse } from './refusal.ts';

export const objectIdCodec: Codec = {
  isCanonical: (bytes, from, to) => to - from === 24 && isLowerHex(bytes, from, to),
  read: (text) =>
    /^[0-9a-f]{24}$/i.test(text) ? text.toLowerCase() : refuse('it is not 24 hexadecimal digits'),
};
