import type { Codec } from './codec.ts';
import { BACKSLASH, isLowerHex, LETTER_X } from './plain-bytes.ts';
import { refuse } from './refusal.ts';

export function bytesCodec({ length, fixed }: { length: number | null; fixed: boolean }): Codec {
  const fits = (count: number): boolean =>
    length === null || (fixed ? count === length : count <= length);
  return {
    isCanonical(bytes, from, to) {
      const isHex = bytes[from] === BACKSLASH && bytes[from + 1] === LETTER_X;
      const digits = to - from - 2;
      return isHex && digits % 2 === 0 && fits(digits / 2) && isLowerHex(bytes, from + 2, to);
    },
    read(text) {
      if (!/^\\x(?:[0-9a-fA-F]{2})*$/.test(text))
        refuse('it is not bytes as \\x and two hexadecimal digits for each of them');
      if (!fits((text.length - 2) / 2))
        refuse(`it has ${fixed ? 'not exactly' : 'more than'} ${length} bytes`);
      return text.toLowerCase();
    },
  };
}
