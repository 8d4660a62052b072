import type { Codec } from './codec.ts';
import { ZERO } from './plain-bytes.ts';
import { refuse } from './refusal.ts';

export function bitsCodec({ length, varying }: { length: number | null; varying: boolean }): Codec {
  const fits = (count: number): boolean =>
    length === null || (varying ? count <= length : count === length);
  return {
    isCanonical(bytes, from, to) {
      for (let at = from; at < to; at++) if ((bytes[at]! & 0xfe) !== ZERO) return false;
      return fits(to - from);
    },
    read(text) {
      if (!/^[01]*$/.test(text)) refuse('it is not bits as the digits 0 and 1');
      if (!fits(text.length)) refuse(`it has ${varying ? 'more than' : 'not exactly'} ${length} bits`); // prettier-ignore
      return text;
    },
  };
}
